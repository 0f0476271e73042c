// Frames that a hostile client sends.
#ifndef BAYESPFL_TESTS_SERVER_HOSTILE_REQUESTS_H_
#define BAYESPFL_TESTS_SERVER_HOSTILE_REQUESTS_H_

#include <string>
#include <vector>

#include "bayespfl/inspection/v1/inspection.pb.h"
#include "inference/grpc_service.pb.h"

namespace bayespfl::server {

// One that is right, with `text` in all its texts.
inspection::v1::InspectRequest HostileFrame(const std::string& text);

// The same for the Open Inference Protocol.
inference::ModelInferRequest HostileKserveFrame(const std::string& text);

// Each must be answered INVALID_ARGUMENT: files that promise more than they bring or are none, pixels without room for
// them, options out of range. Made for a server with max_image_bytes = 65536 and max_image_pixels = 100000.
std::vector<inspection::v1::InspectRequest> WrongFrames(const std::string& text);

// None must be answered: wrong in every place that takes a text or a number.
std::vector<inference::ModelInferRequest> WrongKserveFrames(const std::string& word, const std::string& text);

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_HOSTILE_REQUESTS_H_
