package inspection

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
)

func TestDialRefusesWhatCannotBe(t *testing.T) {
	for name, test := range map[string]struct {
		target  string
		options []Option
		says    string
	}{
		"no target":        {"", nil, "no server address"},
		"no port":          {"host", nil, "HOST:PORT"},
		"no host":          {":50051", nil, "no server address"},
		"port 0":           {"host:0", nil, "1..65535"},
		"port 65536":       {"host:65536", nil, "1..65535"},
		"a word as port":   {"host:grpc", nil, "1..65535"},
		"bare IPv6":        {"::1:50051", nil, "no server address"},
		"timeout":          {"host:1", []Option{WithTimeout(0)}, "the timeout is 0s"},
		"connect timeout":  {"host:1", []Option{WithConnectTimeout(-1)}, "the connect timeout"},
		"keepalive":        {"host:1", []Option{WithKeepalive(0, time.Second)}, "the keepalive interval"},
		"ping's answer":    {"host:1", []Option{WithKeepalive(time.Second, 0)}, "the keepalive timeout"},
		"small message":    {"host:1", []Option{WithMaxMessageBytes(1)}, "at least 1048576"},
		"small reply":      {"host:1", []Option{WithMaxReplyBytes(1)}, "the largest reply is 1 bytes"},
		"token's letters":  {"localhost:1", []Option{WithToken("a b")}, "a character that no token may have"},
		"token in the air": {"host:1", []Option{WithToken("abc")}, "plain text"},
		"no authorities":   {"host:1", []Option{WithTLS(TLS{CAFile: "no such file"})}, "no such file"},
		"half a pair":      {"host:1", []Option{WithTLS(TLS{CertFile: "x"})}, "go together"},
		"two ways":         {"host:1", []Option{WithTLS(TLS{}), WithTLSConfig(&tls.Config{})}, "use one"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := Dial(test.target, test.options...)
			if err == nil || client != nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	_, err := Dial("host:1", WithToken("secret"))
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
}

func TestDialTakesWhatCanBe(t *testing.T) {
	for _, target := range []string{
		"host:1", "[::1]:50051", "dns:///inspection.plant.example:50051", "unix:///run/server.sock", "passthrough:///host:1",
	} {
		client, err := Dial(target)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		_ = client.Close()
	}
	for target, option := range map[string]Option{
		"host:1": WithPlaintextToken(), "127.0.0.1:1": WithTimeout(time.Second), "unix:/run/server.sock": WithTimeout(time.Second),
	} {
		if client, err := Dial(target, WithToken("abc"), option); err != nil {
			t.Errorf("%s: %v", target, err)
		} else {
			_ = client.Close()
		}
	}
}

func TestWhichTargetsAreThisMachine(t *testing.T) {
	for target, want := range map[string]bool{
		"localhost:1": true, "LOCALHOST:1": true, "127.0.0.1:1": true, "127.1.2.3:1": true, "[::1]:1": true,
		"[::ffff:127.0.0.1]:1": true, "unix:/x": true, "unix:///x": true, "dns:///localhost:1": true, "dns:///127.0.0.1": true,
		"host:1": false, "10.0.0.1:1": false, "localhost.example:1": false, "127.0.0.1.example:1": false,
		"dns:///host:1": false, "[::2]:1": false, "0.0.0.0:1": false,
	} {
		if got := isLocal(target); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}

// certificate is one that signs itself, for localhost; as a pair and as PEM files.
func certificate(t *testing.T) (pair tls.Certificate, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	folder := t.TempDir()
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for file, content := range map[string][]byte{certFile: certPEM, keyFile: keyPEM} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err = tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return pair, certFile, keyFile
}

func TestTLS(t *testing.T) {
	pair, certFile, keyFile := certificate(t)
	authorities := x509.NewCertPool()
	authorities.AddCert(pair.Leaf)
	f := newFake(t)
	f.address = "127.0.0.1:0" // as the certificate says
	f.options = []grpc.ServerOption{grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities,
	}))}
	f.start()
	short := WithConnectTimeout(300 * time.Millisecond)

	good := f.dial(WithTLS(TLS{CAFile: certFile, CertFile: certFile, KeyFile: keyFile}), WithToken("abc"))
	if _, err := good.Inspect(context.Background(), picture("f")); err != nil {
		t.Errorf("with everything: %v", err)
	}
	if serving, err := good.Health(context.Background()); !serving {
		t.Errorf("its health: %v", err)
	}
	named := f.dial(WithTLS(TLS{CAFile: certFile, CertFile: certFile, KeyFile: keyFile, ServerName: "localhost"}))
	if _, err := named.Inspect(context.Background(), picture("f")); err != nil {
		t.Errorf("by another name: %v", err)
	}
	for name, option := range map[string]Option{
		"plain text":              WithTimeout(5 * time.Second),
		"the system's roots":      WithTLS(TLS{CertFile: certFile, KeyFile: keyFile}),
		"without its certificate": WithTLS(TLS{CAFile: certFile}),
		"a wrong name":            WithTLS(TLS{CAFile: certFile, CertFile: certFile, KeyFile: keyFile, ServerName: "other"}),
	} {
		if _, err := f.dial(option, short).Inspect(context.Background(), picture("f")); err == nil {
			t.Errorf("%s: there is an answer", name)
		} else if asError(t, err).Code != codes.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDialOptionsReachGRPC(t *testing.T) {
	f := newFake(t).start()
	var methods []string
	note := func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker,
		options ...grpc.CallOption,
	) error {
		methods = append(methods, method)
		return invoke(ctx, method, request, reply, conn, options...)
	}
	client := f.dial(WithDialOptions(grpc.WithUnaryInterceptor(note)))
	if _, err := client.Inspect(context.Background(), picture("f")); err != nil || len(methods) != 1 {
		t.Errorf("the interceptor saw %q; %v", methods, err)
	}
}

// Go reads the proxy's variable once, so a process of its own has to see it.
func TestProxiesAreNotForThisMachine(t *testing.T) {
	const variable = "HTTPS_PROXY"
	if os.Getenv("PROXY_TEST_CHILD") != "" {
		far := &http.Request{URL: &url.URL{Scheme: "https", Host: "inspection.plant.example:50051"}}
		if proxy, err := http.ProxyFromEnvironment(far); proxy == nil {
			t.Fatalf("the proxy is not in force: %v", err)
		}
		if _, err := newFake(t).start().dial().Inspect(context.Background(), picture("f")); err != nil {
			t.Error(err)
		}
		return
	}
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	go func() {
		if conn, err := proxy.Accept(); err == nil {
			close(asked)
			_ = conn.Close()
		}
	}()
	defer proxy.Close()
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), "PROXY_TEST_CHILD=1", variable+"=http://"+proxy.Addr().String(), "NO_PROXY=", "no_proxy=")
	if output, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	select {
	case <-asked:
		t.Error("the proxy was asked")
	default:
	}
}
