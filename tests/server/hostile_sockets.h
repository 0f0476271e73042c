// What a hostile client says to a port without any client library.
#ifndef BAYESPFL_TESTS_SERVER_HOSTILE_SOCKETS_H_
#define BAYESPFL_TESTS_SERVER_HOSTILE_SOCKETS_H_

#include <string>
#include <vector>

namespace bayespfl::server {

// All of them fail the test when the server lets in what it should refuse, or does not answer. `port` is one of
// 127.0.0.1.

// Requests to the HTTP port: other paths and methods, and ones that break off. `word` stands in them.
void SpeakHttp(int port, const std::string& word);

// To any port: bytes of no protocol, of another one, HTTP/2 that begins well, or none at all.
void SendOtherBytes(int port, const std::string& word);

// To a gRPC port: calls with header fields that no client library lets through, with each token.
void SendHttp2Calls(int port, const std::vector<std::string>& tokens, const std::string& text);

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_HOSTILE_SOCKETS_H_
