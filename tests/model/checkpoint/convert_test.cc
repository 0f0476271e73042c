#include "model/checkpoint/convert.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/checkpoint/init.h"
#include "model/clip/bundled_vocabulary.h"
#include "model/package/model_package.h"
#include "model/package/safetensors_writer.h"
#include "model/package/verify.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kTiny = testing::TestData("tiny");

class ConvertTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.clip_path = kTiny + "/clip_jit.pt";
    options_.weights_path = kTiny + "/train.pth";
    options_.output_dir = folder_ / "model";
    options_.architecture = {.vision_heads = 4, .text_heads = 4, .tapped_layers = {}};
    options_.image_size = 56;
    options_.samples = 2;
    options_.vocabulary = BundledVocabulary();
    options_.vocabulary_file = std::string(kBundledVocabularyFile);
  }

  std::string Message() const { return std::string(ConvertPackage(options_).status().message()); }
  // What lies in the test's folder, hidden files too.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename());
    return names;
  }

  // A safetensors copy of a fixture, with its tensors changed by `edit`.
  template <typename Edit>
  std::string Edited(const std::string& fixture, Edit edit) const {
    const auto file = SafetensorsFile::Open(absl::StrCat(kTiny, "/", fixture));
    EXPECT_TRUE(file.ok()) << file.status();
    std::map<std::string, std::pair<TensorInfo, std::vector<uint8_t>>> tensors;
    for (const auto& [name, view] : (*file)->tensors()) {
      tensors[name] = {{view.dtype, view.shape}, {view.data.begin(), view.data.end()}};
    }
    edit(tensors);
    std::map<std::string, TensorInfo> infos;
    for (const auto& [name, tensor] : tensors) infos[name] = tensor.first;
    std::string path = folder_ / absl::StrCat("edited_", fixture);
    auto writer = SafetensorsWriter::Create(path, infos);
    for (const std::string& name : (*writer)->order()) {
      EXPECT_TRUE((*writer)->Append(tensors[name].second).ok()) << name;
    }
    EXPECT_TRUE((*writer)->Finish().ok());
    return path;
  }

  const testing::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
  ConvertOptions options_;
};

void ExpectSameTensors(const std::string& a, const std::string& b) {
  const auto first = SafetensorsFile::Open(a);
  const auto second = SafetensorsFile::Open(b);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*first)->tensors().size(), (*second)->tensors().size());
  for (const auto& [name, view] : (*second)->tensors()) {
    ASSERT_TRUE((*first)->tensors().contains(name)) << name;
    const TensorView& other = (*first)->tensors().at(name);
    EXPECT_EQ(other.dtype, view.dtype) << name;
    EXPECT_EQ(other.shape, view.shape) << name;
    EXPECT_TRUE(other.data == view.data) << name;
  }
}

TEST_F(ConvertTest, UpstreamFilesGiveTheSameBytesAsTheirSafetensors) {
  for (const std::string weights : {"train.pth", "train_cuda.pth"}) {
    options_.weights_path = absl::StrCat(kTiny, "/", weights);
    options_.overwrite = true;
    const auto config = ConvertPackage(options_);
    ASSERT_TRUE(config.ok()) << config.status();
    ExpectSameTensors(options_.output_dir + "/clip.safetensors", kTiny + "/clip.safetensors");
    ExpectSameTensors(options_.output_dir + "/bayespfl.safetensors", kTiny + "/bayespfl.safetensors");
  }
}

TEST_F(ConvertTest, InfersTheConfigurationOfTheFixture) {
  const auto config = ConvertPackage(options_);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->name, "model");
  EXPECT_EQ(config->embed_dim, 32);
  EXPECT_EQ(config->vision.width, 48);
  EXPECT_EQ(config->vision.layers, 8);
  EXPECT_EQ(config->vision.heads, 4);
  EXPECT_EQ(config->patch_size, 14);
  EXPECT_EQ(config->pretrain_image_size, 42);
  EXPECT_THAT(config->tapped_layers, ElementsAre(2, 4, 6, 8));
  EXPECT_EQ(config->text.layers, 4);
  EXPECT_EQ(config->context_length, 77);
  EXPECT_EQ(config->flow_steps, 10);
  EXPECT_EQ(config->encoder_width, 24);
  EXPECT_EQ(config->stage, 2);
  EXPECT_EQ(config->category_names.at("pcb3"), "printed circuit board");
}

TEST_F(ConvertTest, ThePackageVerifiesAndKnowsItsSources) {
  ASSERT_TRUE(ConvertPackage(options_).ok());
  const auto package = ModelPackage::Open(options_.output_dir);
  ASSERT_TRUE(package.ok()) << package.status();
  EXPECT_THAT(VerifyPackage(*package), IsEmpty());
  EXPECT_EQ(package->config.file_digests.size(), 3U);
  const std::string text = temporary_.Read("model/config.json");
  // sha256sum of the two fixtures
  EXPECT_THAT(text, HasSubstr("01b089156d4a4e45cce3f673b6d5b25ce17e8bf0537468b7262a585222fccea4"));
  EXPECT_THAT(text, HasSubstr("\"weights_file\": \"train.pth\""));
  EXPECT_THAT(text, HasSubstr("0.48145467,"));
}

TEST_F(ConvertTest, ReadsSafetensorsToo) {
  options_.clip_path = kTiny + "/clip.safetensors";
  options_.weights_path = kTiny + "/bayespfl.safetensors";
  ASSERT_TRUE(ConvertPackage(options_).ok());
  ExpectSameTensors(options_.output_dir + "/clip.safetensors", kTiny + "/clip.safetensors");
}

TEST_F(ConvertTest, ReadsOpenClipNames) {
  options_.clip_path = Edited("clip.safetensors", [](auto& tensors) {
    std::map<std::string, std::pair<TensorInfo, std::vector<uint8_t>>> renamed;
    for (auto& [name, tensor] : tensors) {
      const bool bare = name.starts_with("visual.") || name == "logit_scale";
      renamed[absl::StrCat("state_dict.module.", bare ? "" : "text.", name)] = tensor;
    }
    renamed["state_dict.module.text.attn_mask"] = {{DType::kF32, {1}}, std::vector<uint8_t>(4)};
    renamed["optimizer.something"] = {{DType::kF32, {1}}, std::vector<uint8_t>(4)};
    tensors = std::move(renamed);
  });
  const auto config = ConvertPackage(options_);
  ASSERT_TRUE(config.ok()) << config.status();
  ExpectSameTensors(options_.output_dir + "/clip.safetensors", kTiny + "/clip.safetensors");
}

// What training scripts put around names is the same for both files.
TEST_F(ConvertTest, TakesTheWrappersOfTrainingOffBothFiles) {
  using Edit = std::function<std::string(const std::string&)>;
  const std::map<std::string, Edit> wrappings = {
      {"distributed", [](const std::string& name) { return "module." + name; }},
      {"compiled", [](const std::string& name) { return "_orig_mod." + name; }},
      {"a checkpoint of both", [](const std::string& name) { return "state_dict.module._orig_mod." + name; }},
      {"both the other way", [](const std::string& name) { return "model_state_dict._orig_mod.module." + name; }},
      {"a part was compiled",
       [](const std::string& name) {
         const size_t dot = name.find('.');
         return dot == std::string::npos ? name : name.substr(0, dot + 1) + "_orig_mod." + name.substr(dot + 1);
       }},
  };
  options_.overwrite = true;
  for (const auto& [what, wrap] : wrappings) {
    const auto edit = [&wrap](auto& tensors) {
      std::map<std::string, std::pair<TensorInfo, std::vector<uint8_t>>> renamed;
      for (auto& [name, tensor] : tensors) renamed[wrap(name)] = tensor;
      tensors = std::move(renamed);
    };
    options_.clip_path = Edited("clip.safetensors", edit);
    options_.weights_path = Edited("bayespfl.safetensors", edit);

    const auto config = ConvertPackage(options_);

    ASSERT_TRUE(config.ok()) << what << ": " << config.status();
    fs::remove(options_.clip_path);
    fs::remove(options_.weights_path);
    ExpectSameTensors(options_.output_dir + "/clip.safetensors", kTiny + "/clip.safetensors");
    ExpectSameTensors(options_.output_dir + "/bayespfl.safetensors", kTiny + "/bayespfl.safetensors");
  }
}

TEST_F(ConvertTest, AFilesEndingMayBeInUpperCase) {
  options_.clip_path = folder_ / "CLIP.SAFETENSORS";
  options_.weights_path = folder_ / "Bayespfl.SafeTensors";
  fs::copy_file(kTiny + "/clip.safetensors", options_.clip_path);
  fs::copy_file(kTiny + "/bayespfl.safetensors", options_.weights_path);

  const auto config = ConvertPackage(options_);

  EXPECT_TRUE(config.ok()) << config.status();
}

TEST_F(ConvertTest, ConvertsThePrecision) {
  for (const auto& [precision, tolerance] :
       {std::pair(DType::kF32, 0.0F), std::pair(DType::kBF16, 1.0F / 256), std::pair(DType::kF16, 1.0F / 2048)}) {
    options_.precision = precision;
    options_.overwrite = true;
    ASSERT_TRUE(ConvertPackage(options_).ok());
    const auto file = SafetensorsFile::Open(options_.output_dir + "/bayespfl.safetensors");
    ASSERT_TRUE(file.ok());
    for (const auto& [name, view] : (*file)->tensors()) EXPECT_EQ(view.dtype, precision) << name;
    if (precision == DType::kBF16) continue;  // the fixture reader does not know it
    const auto stored = testing::LoadSafetensors(options_.output_dir + "/bayespfl.safetensors");
    for (const auto& [name, golden] : testing::LoadSafetensors(kTiny + "/bayespfl.safetensors")) {
      for (size_t i = 0; i < golden.values.size(); ++i) {
        const float bound = std::abs(golden.values[i]) * tolerance + (tolerance > 0 ? 1e-7F : 0.0F);
        ASSERT_NEAR(stored.at(name).values[i], golden.values[i], bound) << name;
      }
    }
  }
}

TEST_F(ConvertTest, RefusesAWeightThatThePrecisionCannotHold) {
  options_.weights_path = Edited("bayespfl.safetensors", [](auto& tensors) {
    const float large = 70000;
    std::memcpy(tensors["prompt_context"].second.data(), &large, sizeof(large));
  });
  options_.precision = DType::kF16;
  EXPECT_EQ(ConvertPackage(options_).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(Message(), AllOf(HasSubstr("prompt_context"), HasSubstr("F16")));
}

TEST_F(ConvertTest, RefusesWeightsThatAreNotFinite) {
  options_.weights_path = Edited("bayespfl.safetensors", [](auto& tensors) {
    const float nan = std::nanf("");
    std::memcpy(tensors["class_mapping.bias"].second.data(), &nan, sizeof(nan));
  });
  EXPECT_THAT(Message(), AllOf(HasSubstr("class_mapping.bias"), HasSubstr("NaN")));
}

TEST_F(ConvertTest, ListsWhatIsMissingLeftOverOrMisshapen) {
  options_.weights_path = Edited("bayespfl.safetensors", [](auto& tensors) {
    tensors.erase("image_mapping.weight");
    tensors["surprise"] = {{DType::kF32, {1}}, std::vector<uint8_t>(4)};
    tensors["class_mapping.bias"].first.shape = {2, 16};
    tensors["temperature_image"] = {{DType::kI32, {}}, std::vector<uint8_t>(4)};
  });
  EXPECT_EQ(ConvertPackage(options_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(), AllOf(HasSubstr("missing: image_mapping.weight [32, 32]"), HasSubstr("left over: surprise"),
                               HasSubstr("class_mapping.bias is [2, 16]"), HasSubstr("temperature_image is I32")));
}

TEST_F(ConvertTest, WorksWithoutWhatTheReferenceStoresAndNeverUses) {
  options_.weights_path = Edited("bayespfl.safetensors", [](auto& tensors) {
    std::erase_if(tensors, [](const auto& tensor) {
      return tensor.first.find("decoder") != std::string::npos || tensor.first.find("p_mu") != std::string::npos ||
             tensor.first.find("PFL_normal.encoder") != std::string::npos;
    });
  });
  const auto config = ConvertPackage(options_);
  EXPECT_TRUE(config.ok()) << config.status();
}

TEST_F(ConvertTest, HeadsMustBeGivenWhereWidthsAreNoMultipleOf64) {
  options_.architecture.vision_heads = 0;
  EXPECT_THAT(Message(), AllOf(HasSubstr("48"), HasSubstr("--vision-heads")));
  options_.architecture = {.vision_heads = 4, .text_heads = 0, .tapped_layers = {}};
  EXPECT_THAT(Message(), HasSubstr("--text-heads"));
}

TEST_F(ConvertTest, RefusesOptionsThatNoServerWouldTake) {
  options_.image_size = 57;
  EXPECT_THAT(Message(), HasSubstr("multiple of the patch size 14"));
  options_.image_size = 56;
  options_.architecture.tapped_layers = {1, 2, 3};
  EXPECT_THAT(Message(), HasSubstr("tapped_layers"));
  options_.architecture.tapped_layers = {2, 4, 6, 9};
  EXPECT_THAT(Message(), HasSubstr("tapped_layers"));
  options_.architecture.tapped_layers = {};
  options_.architecture.text_heads = 5;
  EXPECT_THAT(Message(), HasSubstr("multiple of its heads"));
}

TEST_F(ConvertTest, NamesAFileThatIsAnotherModel) {
  std::swap(options_.clip_path, options_.weights_path);
  EXPECT_THAT(Message(), AllOf(HasSubstr("visual.conv1.weight"), HasSubstr("--clip")));
  options_.clip_path = options_.weights_path;
  EXPECT_THAT(Message(), AllOf(HasSubstr("prompt_context"), HasSubstr("--weights")));
}

TEST_F(ConvertTest, AFailureLeavesNothingBehind) {
  options_.weights_path = Edited("bayespfl.safetensors", [](auto& tensors) {
    const float nan = std::nanf("");
    std::memcpy(tensors["temperature_pixel"].second.data(), &nan, sizeof(nan));  // found when most is written
  });
  EXPECT_FALSE(ConvertPackage(options_).ok());
  EXPECT_THAT(Names(), ElementsAre("edited_bayespfl.safetensors"));
}

TEST_F(ConvertTest, KeepsAPackageUnlessToldToReplaceIt) {
  ASSERT_TRUE(ConvertPackage(options_).ok());
  options_.stage = 1;
  EXPECT_EQ(ConvertPackage(options_).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(temporary_.Read("model/config.json"), HasSubstr("\"stage\": 2"));
  options_.overwrite = true;
  EXPECT_TRUE(ConvertPackage(options_).ok());
  EXPECT_THAT(temporary_.Read("model/config.json"), HasSubstr("\"stage\": 1"));
  EXPECT_THAT(Names(), ElementsAre("model"));
}

TEST_F(ConvertTest, TheSameSourcesGiveTheSameBytes) {
  ASSERT_TRUE(ConvertPackage(options_).ok());
  const std::string first = temporary_.Read("model/config.json");
  options_.overwrite = true;
  ASSERT_TRUE(ConvertPackage(options_).ok());
  EXPECT_EQ(temporary_.Read("model/config.json"), first);
}

TEST_F(ConvertTest, VerifyFindsDamageAfterwards) {
  ASSERT_TRUE(ConvertPackage(options_).ok());
  {
    std::fstream file(options_.output_dir + "/bayespfl.safetensors", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-4, std::ios::end);
    file.put('\x01');
  }
  const auto package = ModelPackage::Open(options_.output_dir);
  ASSERT_TRUE(package.ok()) << package.status();
  EXPECT_THAT(VerifyPackage(*package), ElementsAre(AllOf(HasSubstr("bayespfl.safetensors"), HasSubstr("SHA-256"))));
}

TEST(StageFromPathTest, FollowsTheReference) {
  EXPECT_EQ(*StageFromPath("train_visa.pth"), 2);
  EXPECT_EQ(*StageFromPath("runs/epoch_post_7_1.pth"), 1);
  EXPECT_EQ(*StageFromPath("runs/epoch_post_12_2.pth"), 2);
  EXPECT_EQ(*StageFromPath("epoch_post/somewhere/other_1.pth"), 1);  // the whole path counts
  EXPECT_FALSE(StageFromPath("epoch_post/train.pth").ok());
  EXPECT_FALSE(StageFromPath("epoch_post/1.pth").ok());
  EXPECT_EQ(*StageFromPath("epoch_post_7_1.safetensors"), 1);
}

TEST_F(ConvertTest, UntrainedModelsAreTheSameInEveryFormat) {
  InitOptions init{.architecture = "tiny",
                   .seed = 5,
                   .output_dir = folder_ / "package",
                   .vocabulary = BundledVocabulary(),
                   .vocabulary_file = std::string(kBundledVocabularyFile)};
  ASSERT_TRUE(InitModel(init).ok());
  init.output_dir = folder_ / "upstream";
  init.as_upstream = true;
  ASSERT_TRUE(InitModel(init).ok());
  options_.clip_path = folder_ / "upstream/clip.pt";
  options_.weights_path = folder_ / "upstream/bayespfl.pth";
  const auto config = ConvertPackage(options_);
  ASSERT_TRUE(config.ok()) << config.status();
  ExpectSameTensors(options_.output_dir + "/clip.safetensors", folder_ / "package/clip.safetensors");
  ExpectSameTensors(options_.output_dir + "/bayespfl.safetensors", folder_ / "package/bayespfl.safetensors");
  const auto package = ModelPackage::Open(folder_ / "package");
  ASSERT_TRUE(package.ok()) << package.status();
  EXPECT_EQ(package->config.file_digests.size(), 3U);
  EXPECT_THAT(VerifyPackage(*package), IsEmpty());
}

}  // namespace
}  // namespace bayespfl
