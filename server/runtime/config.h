// The server's settings, from a YAML file and the command line.
#ifndef BAYESPFL_SERVER_RUNTIME_CONFIG_H_
#define BAYESPFL_SERVER_RUNTIME_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

// Every field is a key of the YAML file and, with dashes for underscores, a flag.
struct ServerConfig {
  std::string model;                                 // folder of the model package
  std::string model_root;                            // folder whose sub-folders are packages that may be loaded
  std::string models;                                // of model_root, loaded at the start; separated by commas
  std::string default_model;                         // answers requests that name none; empty: the first loaded
  std::string calibration;                           // calibration file; empty: the package's own, if it has one
  std::string host = "127.0.0.1";                    // address that both ports bind to
  std::string http_host;                             // address of the HTTP port alone; empty: as `host`
  int port = 50051;                                  // gRPC; 0: a free one
  int http_port = 9090;                              // metrics and probes; 0: a free one
  std::string device = "auto";                       // "auto", "cpu", "cuda:N"; several separated by commas
  int replicas = 1;                                  // of the model on each device
  int compute_threads = 0;                           // of one replica on the CPU; 0: the processors at hand / replicas
  int64_t max_image_bytes = int64_t{64} << 20;       // of one picture; a message may have 1 MiB more
  int64_t max_image_pixels = 100'000'000;            // width * height of one picture
  int max_frames_in_flight = 64;                     // accepted and not answered; more are refused
  int64_t max_bytes_in_flight = int64_t{512} << 20;  // pictures as they came; more are refused
  int64_t max_decoded_bytes = int64_t{1} << 30;      // decoded pictures before the model; then decoding waits
  int max_streams = 256;                             // open at once; more are refused
  int max_stream_age_seconds = 0;                    // give or take a tenth; then a stream is ended; 0: never
  int max_streams_per_client = 0;                    // open at once of one client; 0: no limit
  int max_frames_per_second_per_client = 0;          // a second's worth at once after a quiet second; 0: no limit
  std::string tls_certificate;                       // PEM chain of the gRPC port; empty: plain text
  std::string tls_key;                               // its PEM private key, without a passphrase
  std::string tls_client_ca;                         // PEM authorities; set: clients must show a certificate of theirs
  std::string tokens_file;                           // bearer tokens (token_store.h); empty: no call needs one
  bool allow_plaintext_tokens = false;               // also without TLS on an address that others can reach
  int security_reload_seconds = 10;                  // how often certificates and tokens_file are looked at
  int max_frames_per_stream = 4;                     // read from one stream and not answered; then reading stops
  int max_batch = 4;                                 // frames that the model takes in one call
  int max_delay_milliseconds = 0;                    // how long a replica that was busy waits for a batch to fill
  int decode_threads = 0;                            // 0: half the processors at hand
  int render_threads = 0;                            // 0: half the processors at hand
  int drain_timeout_seconds = 30;                    // how long a stop waits for frames under way
  std::string inject_faults;                         // as FaultInjector::Create(); empty: none
  std::string log_level = "info";                    // debug, info, warning, error, off
};

// Reads `text` over `config`. InvalidArgument: not YAML, not a mapping, an unknown or repeated key, a bad value (the
// message names the key).
absl::Status ApplyYaml(const std::string& text, ServerConfig& config);

// The devices of `config.device`, in order.
std::vector<std::string> Devices(const ServerConfig& config);

// `config` with every 0 that means "by the processors" replaced, for `cpus` processors.
ServerConfig WithThreads(ServerConfig config, int cpus);

struct CommandLine {
  ServerConfig config;
  std::optional<std::string> text;  // set by --help, --version and --new-token: print it and exit with 0
};

// Reads the flags; those given win over the file that --config names. InvalidArgument: an unknown flag, a bad value, no
// model. NotFound: no such configuration file.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_CONFIG_H_
