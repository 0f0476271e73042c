package inspection

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"google.golang.org/grpc/credentials"
)

// TLS says which files the encryption uses; all are PEM. The zero value encrypts with the system's authorities.
type TLS struct {
	CAFile     string // authorities of the server's certificate; empty: the system's
	CertFile   string // this client's certificate, where the server wants one; together with KeyFile
	KeyFile    string // its private key
	ServerName string // what the server's certificate must be for; empty: the target's host
}

// tlsCredentials is nil for plain text.
func (s *settings) tlsCredentials() (credentials.TransportCredentials, error) {
	if s.tlsConfig != nil {
		return credentials.NewTLS(s.tlsConfig), nil
	}
	if s.tls == nil {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.tls.ServerName}
	if s.tls.CAFile != "" {
		pem, err := os.ReadFile(s.tls.CAFile)
		if err != nil {
			return nil, fmt.Errorf("the authorities of the server's certificate: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", s.tls.CAFile)
		}
	}
	if (s.tls.CertFile == "") != (s.tls.KeyFile == "") {
		return nil, errors.New("TLS.CertFile and TLS.KeyFile go together; one of them is missing")
	}
	if s.tls.CertFile != "" {
		certificate, err := tls.LoadX509KeyPair(s.tls.CertFile, s.tls.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("the client's certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return credentials.NewTLS(config), nil
}

// checkToken never puts the token into its error.
func (s *settings) checkToken(target string) error {
	const punctuation = "-._~+/=" // RFC 6750, section 2.1
	for _, c := range s.token {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune(punctuation, c) {
			return errors.New("the token holds a character that no token may have")
		}
	}
	if s.token == "" || s.tls != nil || s.tlsConfig != nil || s.plaintextToken || isLocal(target) {
		return nil
	}
	return fmt.Errorf("the token would go to %s in plain text; use TLS, or allow it with WithPlaintextToken", target)
}

// bearer sends a token with every call.
type bearer struct {
	token    string
	needsTLS bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

func (b bearer) RequireTransportSecurity() bool { return b.needsTLS }
