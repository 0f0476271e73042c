#include "server/api/kserve_translate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "model/verdict/categories.h"
#include "server/api/kserve_parameters.h"
#include "server/api/kserve_tensor.h"
#include "server/pipeline/slots.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;

const OutputSpec& SpecOf(KserveOutput output) { return kOutputs[static_cast<size_t>(output)]; }

bool Wants(const std::vector<KserveOutput>& outputs, KserveOutput output) {
  return std::find(outputs.begin(), outputs.end(), output) != outputs.end();
}

absl::StatusOr<std::vector<KserveOutput>> OutputsFromProto(const ModelInferRequest& request) {
  std::vector<KserveOutput> outputs;
  if (request.outputs_size() == 0) {
    for (const OutputSpec& spec : kOutputs) {
      if (!spec.map) outputs.push_back(spec.output);
    }
    return outputs;
  }
  for (int i = 0; i < request.outputs_size(); ++i) {
    const auto& wanted = request.outputs(i);
    const auto* spec = std::find_if(kOutputs.begin(), kOutputs.end(),
                                    [&wanted](const OutputSpec& known) { return known.name == wanted.name(); });
    if (spec == kOutputs.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("outputs[", i, "] is none of score, score_std, map_score, seed, verdict, anomaly_map and mask"));
    }
    if (Wants(outputs, spec->output)) {
      return absl::InvalidArgumentError(absl::StrCat("output ", spec->name, " is wanted twice"));
    }
    if (wanted.parameters_size() > 0) {
      return absl::InvalidArgumentError(absl::StrCat("output ", spec->name, " has parameters; none are served"));
    }
    outputs.push_back(spec->output);
  }
  return outputs;
}

// Pictures of a request, without their options.
struct Pictures {
  std::vector<FrameRequest> frames;
  bool one_size = false;  // all have the same size for certain
};

absl::StatusOr<Pictures> PicturesOf(const std::shared_ptr<const ModelInferRequest>& request, const InputTensor& image,
                                    const TogetherLimit& most) {
  Pictures pictures;
  if (image.tensor->datatype() == "BYTES") {
    const absl::StatusOr<std::vector<absl::string_view>> files = BytesElements(image, most);
    if (!files.ok()) return files.status();
    for (const absl::string_view file : *files) {
      if (file.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat("input image: element ", pictures.frames.size(), " is empty: 0 bytes"));
      }
      FrameRequest& frame = pictures.frames.emplace_back();
      frame.image.pixels = EncodedImage{.data = {reinterpret_cast<const uint8_t*>(file.data()), file.size()}};
      frame.owner = request;
    }
    pictures.one_size = files->size() == 1;
    return pictures;
  }
  if (image.tensor->datatype() != "UINT8") {
    return absl::InvalidArgumentError("input image.datatype is neither BYTES (encoded) nor UINT8 (RGB)");
  }
  const absl::StatusOr<PixelTensor> pixels = PixelElements(request, image, most);
  if (!pixels.ok()) return pixels.status();
  const auto size = static_cast<size_t>(pixels->bytes_per_picture());
  for (size_t i = 0; i < static_cast<size_t>(pixels->count); ++i) {
    FrameRequest& frame = pictures.frames.emplace_back();
    frame.image.pixels = RawImage{.data = pixels->data.subspan(i * size, size),
                                  .width = pixels->width,
                                  .height = pixels->height,
                                  .stride = 0,
                                  .format = PixelFormat::kRGB8};
    frame.owner = pixels->owner;
  }
  pictures.one_size = true;
  return pictures;
}

// One category for each picture.
absl::Status SetCategories(const InputTensor& category, const TogetherLimit& most, std::vector<FrameRequest>& frames) {
  const absl::StatusOr<std::vector<absl::string_view>> names = BytesElements(category, most);
  if (!names.ok()) return names.status();
  if (names->size() != 1 && names->size() != frames.size()) {
    return absl::InvalidArgumentError(absl::StrCat("input category has ", names->size(), " elements for ",
                                                   frames.size(), " pictures; expected one, or one for each"));
  }
  std::vector<std::string> keys;
  for (size_t i = 0; i < names->size(); ++i) {
    absl::StatusOr<std::string> key = CategoryKey((*names)[i], absl::StrCat("input category: element ", i));
    if (!key.ok()) return key.status();
    keys.push_back(*std::move(key));
  }
  for (size_t i = 0; i < frames.size(); ++i) frames[i].options.category.category = keys[keys.size() == 1 ? 0 : i];
  return absl::OkStatus();
}

void SetOptions(const KserveParameters& parameters, const std::vector<KserveOutput>& outputs, Pictures& pictures) {
  const MapSize natural = pictures.one_size ? MapSize::kFrame : MapSize::kModel;
  const absl::Time deadline =
      parameters.timeout.has_value() ? absl::Now() + *parameters.timeout : absl::InfiniteFuture();
  for (FrameRequest& frame : pictures.frames) {
    frame.image.significant_bits = parameters.significant_bits;
    FrameOptions& options = frame.options;
    options.category.object = parameters.object;
    options.category.samples = parameters.samples;
    options.category.seed = parameters.seed;
    options.judge.mask_threshold = parameters.mask_threshold;
    options.resolution = parameters.resolution.value_or(natural);
    options.priority = parameters.priority;
    frame.image.apply_orientation = parameters.apply_orientation;
    if (Wants(outputs, KserveOutput::kAnomalyMap)) options.anomaly_map = MapEncoding::kFloat32;
    if (Wants(outputs, KserveOutput::kMask)) options.mask = MaskEncoding::kUint8;
    frame.deadline = deadline;
  }
}

template <typename Bits>
void AppendLittleEndian(Bits bits, std::string& out) {
  static_assert(std::is_unsigned_v<Bits>);
  for (size_t byte = 0; byte < sizeof(Bits); ++byte) out.push_back(static_cast<char>((bits >> (8 * byte)) & 0xFFU));
}

void AppendFloat(float value, std::string& out) { AppendLittleEndian(std::bit_cast<uint32_t>(value), out); }

// An element of a BYTES tensor: its length in 32 bits, then its bytes.
void AppendText(absl::string_view text, std::string& out) {
  AppendLittleEndian(static_cast<uint32_t>(text.size()), out);
  out.append(text.data(), text.size());
}

void AppendScalar(KserveOutput output, const Inspection& result, std::string& out) {
  switch (output) {
    case KserveOutput::kScore:
      return AppendFloat(result.score, out);
    case KserveOutput::kScoreStd:
      return AppendFloat(result.score_std, out);
    case KserveOutput::kMapScore:
      return AppendFloat(result.map_score, out);
    case KserveOutput::kSeed:
      return AppendLittleEndian(result.provenance.seed, out);
    case KserveOutput::kVerdict:
      return AppendText(VerdictName(result.decision.verdict), out);
    case KserveOutput::kAnomalyMap:
    case KserveOutput::kMask:
      break;
  }
}

// The maps of all pictures, one after the other; checks that they have one size.
template <typename Map>
absl::Status AppendMaps(std::optional<Map> InspectionOutcome::* field, std::vector<InspectionOutcome>& outcomes,
                        ModelInferResponse::InferOutputTensor& tensor, std::string& out) {
  const std::optional<Map>& first = outcomes.front().*field;
  if (!first.has_value()) return absl::InternalError("a map that was asked for is missing");
  const int height = first->height;
  const int width = first->width;
  tensor.add_shape(height);
  tensor.add_shape(width);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    std::optional<Map>& map = outcomes[i].*field;
    if (!map.has_value()) return absl::InternalError("a map that was asked for is missing");
    if (map->height != height || map->width != width) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the maps of one tensor must have one size: image[0] has ", width, " x ", height, " pixels and image[", i,
          "] ", map->width, " x ", map->height, "; leave resolution out or set it to \"model\", or send one each"));
    }
    if (outcomes.size() == 1) {
      out = std::move(map->data);
    } else {
      out += map->data;
    }
    map.reset();
  }
  return absl::OkStatus();
}

// A line for each warning, which names its picture; empty: there is none.
std::string WarningsOf(const std::vector<InspectionOutcome>& outcomes) {
  std::string lines;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    for (const Warning& warning : outcomes[i].inspection.warnings) {
      absl::StrAppend(&lines, lines.empty() ? "" : "\n", "image[", i, "]: ", warning.reason, ": ", warning.message);
    }
  }
  return lines;
}

}  // namespace

absl::Status CheckVersion(const ServedModel& model, absl::string_view version) {
  const std::string& served = model.info().version;
  if (version.empty() || version == served) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("there is no such version of ", model.name(), "; ", served, " is loaded"));
}

absl::StatusOr<Inference> InferenceFromProto(const std::shared_ptr<const ModelInferRequest>& request,
                                             const PipelineOptions& options) {
  if (request->id().size() > kMaxInferenceIdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("id has ", request->id().size(), " bytes; at most ", kMaxInferenceIdBytes, " are allowed"));
  }
  const absl::StatusOr<KserveParameters> parameters = ParametersFromProto(request->parameters());
  if (!parameters.ok()) return parameters.status();
  const TogetherLimit most = MostTogether(options, parameters->priority);
  absl::StatusOr<std::vector<KserveOutput>> outputs = OutputsFromProto(*request);
  if (!outputs.ok()) return outputs.status();
  const absl::StatusOr<InputTensors> inputs = FindInputs(*request);
  if (!inputs.ok()) return inputs.status();
  absl::StatusOr<Pictures> pictures = PicturesOf(request, inputs->image, most);
  if (!pictures.ok()) return pictures.status();
  const absl::Status categories = SetCategories(inputs->category, most, pictures->frames);
  if (!categories.ok()) return categories;
  const bool files = inputs->image.tensor->datatype() == "BYTES";
  if (parameters->apply_orientation && !files) {
    return absl::InvalidArgumentError("parameter apply_orientation: pixels say no orientation; send files (BYTES)");
  }
  if (parameters->significant_bits.has_value() && !files) {
    return absl::InvalidArgumentError(
        "parameter significant_bits: it is for files with 16-bit samples, in an image of BYTES; UINT8 has 8");
  }
  SetOptions(*parameters, *outputs, *pictures);
  return Inference{.id = request->id(), .frames = std::move(pictures->frames), .outputs = *std::move(outputs)};
}

absl::StatusOr<ModelInferResponse> ReplyToProto(const std::string& id, const std::vector<KserveOutput>& outputs,
                                                std::vector<InspectionOutcome> outcomes) {
  ModelInferResponse response;
  const Provenance& provenance = outcomes.front().inspection.provenance;
  response.set_model_name(provenance.model);
  response.set_model_version(provenance.model_version);
  response.set_id(id);
  const std::string warnings = WarningsOf(outcomes);
  if (!warnings.empty()) (*response.mutable_parameters())[kWarningsParameter].set_string_param(warnings);
  for (const KserveOutput output : outputs) {
    const OutputSpec& spec = SpecOf(output);
    ModelInferResponse::InferOutputTensor& tensor = *response.add_outputs();
    tensor.set_name(std::string(spec.name));
    tensor.set_datatype(std::string(spec.datatype));
    tensor.add_shape(static_cast<int64_t>(outcomes.size()));
    std::string& raw = *response.add_raw_output_contents();
    if (spec.map) {
      const absl::Status appended = output == KserveOutput::kMask
                                        ? AppendMaps(&InspectionOutcome::mask, outcomes, tensor, raw)
                                        : AppendMaps(&InspectionOutcome::anomaly_map, outcomes, tensor, raw);
      if (!appended.ok()) return appended;
      continue;
    }
    for (const InspectionOutcome& outcome : outcomes) AppendScalar(output, outcome.inspection, raw);
  }
  return response;
}

}  // namespace bayespfl::server
