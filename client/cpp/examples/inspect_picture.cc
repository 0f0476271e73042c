// Inspects one picture: inspect_picture HOST:PORT CATEGORY FILE
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "bayespfl/client/errors.h"
#include "bayespfl/client/inspection_client.h"

namespace {

namespace client = bayespfl::client;
namespace v1 = bayespfl::inspection::v1;

absl::Status InspectPicture(const std::string& target, const std::string& category, std::string bytes) {
  const auto inspector = client::InspectionClient::Create({.target = target});
  if (!inspector.ok()) return inspector.status();
  v1::InspectRequest request;
  request.mutable_image()->set_encoded(std::move(bytes));
  request.mutable_options()->set_category(category);
  request.mutable_options()->set_mask(v1::MASK_ENCODING_PNG8);
  const absl::StatusOr<v1::InspectResponse> result = (*inspector)->Inspect(std::move(request));
  if (!result.ok()) return result.status();
  std::cout << v1::Verdict_Name(result->verdict()) << ", score " << result->score() << " +- " << result->score_std()
            << ", mask " << result->mask().width() << " x " << result->mask().height() << " with "
            << result->mask().area_pixels() << " pixels" << std::endl;
  return absl::OkStatus();
}

void Explain(const absl::Status& status) {
  std::cerr << status.message() << " [" << client::ErrorReasonName(client::ErrorReasonOf(status)) << ", request "
            << client::RequestIdOf(status) << "]" << std::endl;
  for (const v1::FieldViolation& violation : client::ViolationsOf(status)) {
    std::cerr << "  " << violation.field() << ": " << violation.description() << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: inspect_picture HOST:PORT CATEGORY FILE" << std::endl;
    return 1;
  }
  std::ifstream file(argv[3], std::ios::binary);
  if (!file) {
    std::cerr << "cannot read " << argv[3] << std::endl;
    return 1;
  }
  const absl::Status status =
      InspectPicture(argv[1], argv[2], {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  if (status.ok()) return 0;
  Explain(status);
  return 1;
}
