// Package snippets has the pages' Go compiled and run as a user would: in a module of its own, against the real server.
package snippets

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bayespfl.dev/client/go/internal/testserver"
)

// documented is the address that the pages use.
const documented = "127.0.0.1:50051"

// checkout is where the checkout lies in docs/go.md.
const checkout = "/path/to/checkout"

// packages are those that snippets may use without an import of their own, by how they are called.
var packages = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "image": "image", "log": "log", "os": "os", "png": "image/png",
	"slices": "slices", "time": "time",
}

// fragment is what a snippet stands in that is no whole program.
const fragment = `package main

import (
%s	"bayespfl.dev/client/go/inspection"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	client, err := inspection.Dial("` + documented + `")
	if err != nil {
		return err
	}
	defer client.Close()
	return func() error {
%s
		return nil
	}()
}
`

// blocksOf gives the page's blocks with the tag.
func blocksOf(t *testing.T, page, tag string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testserver.Root(), page))
	if err != nil {
		t.Fatal(err)
	}
	var snippets []string
	for _, found := range regexp.MustCompile("(?s)\n```"+tag+"\n(.*?)\n```\n").FindAllStringSubmatch(string(text), -1) {
		snippets = append(snippets, found[1])
	}
	return snippets
}

func programOf(snippet string) string {
	if strings.HasPrefix(snippet, "package main") {
		return snippet
	}
	var imports []string
	for name, path := range packages {
		if name == "context" || name == "log" || regexp.MustCompile(`\b`+name+`\.[A-Z]`).MatchString(snippet) {
			imports = append(imports, fmt.Sprintf("\t%q\n", path))
		}
	}
	slices.Sort(imports)
	return fmt.Sprintf(fragment, strings.Join(imports, ""), snippet)
}

// module makes a user's module of the programs, by their paths, and adds the client as docs/go.md says.
func module(t *testing.T, programs map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for path, program := range programs {
		write(t, filepath.Join(folder, path), program)
	}
	write(t, filepath.Join(folder, "go.mod"), "module user.example/line\n\ngo 1.23\n")
	sums, err := os.ReadFile(filepath.Join(testserver.Root(), "client/go/go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "go.sum"), string(sums))
	blocks := blocksOf(t, "docs/go.md", "sh")
	if len(blocks) != 1 || !strings.Contains(blocks[0], checkout) {
		t.Fatalf("docs/go.md has not one block of commands with %s: %q", checkout, blocks)
	}
	run(t, folder, "bash", "-euc", strings.ReplaceAll(blocks[0], checkout, testserver.Root()))
	return folder
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, folder, program string, arguments ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod -buildvcs=false", "GOWORK=off")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(arguments, " "), err, output)
	}
	return string(output)
}

func TestUsersGetNothingBesidesGRPC(t *testing.T) {
	folder := module(t, map[string]string{"main.go": programOf("fmt.Println(inspection.Pass)")})
	run(t, folder, "go", "vet", "./...")
	used := run(t, folder, "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
	modules := strings.Fields(used)
	slices.Sort(modules)
	want := []string{
		"bayespfl.dev/client/go", "golang.org/x/net", "golang.org/x/sys", "golang.org/x/text",
		"google.golang.org/genproto/googleapis/rpc", "google.golang.org/grpc", "google.golang.org/protobuf", "user.example/line",
	}
	if got := slices.Compact(modules); !slices.Equal(got, want) {
		t.Errorf("a user's program is built from\n%q, not\n%q", got, want)
	}
}

func TestAgainstTheRealServer(t *testing.T) {
	server := testserver.Start(t)
	t.Run("snippets", func(t *testing.T) { testSnippets(t, server) })
	t.Run("watchfolder", func(t *testing.T) { testWatchfolder(t, server) })
}

func testSnippets(t *testing.T, server *testserver.Server) {
	var snippets []string
	for page, least := range map[string]int{"docs/go.md": 8, "README.md": 1, "client/go/README.md": 0} {
		found := blocksOf(t, page, "go")
		if len(found) < least {
			t.Fatalf("%s has only %d snippets", page, len(found))
		}
		snippets = append(snippets, found...)
	}
	programs := map[string]string{}
	for i, snippet := range snippets {
		program := strings.ReplaceAll(programOf(snippet), documented, server.Address)
		programs[fmt.Sprintf("snippet%02d/main.go", i)] = program
	}
	folder := module(t, programs)
	bin := filepath.Join(folder, "bin") + string(filepath.Separator)
	run(t, folder, "go", "build", "-o", bin, "./...")
	work := t.TempDir()
	for from, to := range map[string]string{
		testserver.Image("leather/scratch_0.jpg"):                              "part.jpg",
		filepath.Join(testserver.Root(), "client/go/internal/snippets/ca.pem"): "ca.pem",
	} {
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(work, to), string(content))
	}
	for i, snippet := range snippets {
		output := run(t, work, fmt.Sprintf("%ssnippet%02d", bin, i))
		for _, must := range promises(snippet) {
			if !strings.Contains(output, must) {
				t.Errorf("snippet %d prints\n%s\nwithout %q:\n%s", i, output, must, snippet)
			}
		}
	}
}

// promises is what a snippet must print, where that is known.
func promises(snippet string) []string {
	switch {
	case strings.Contains(snippet, "package main"):
		return []string{"FAIL SCORE 0.8"}
	case strings.Contains(snippet, "frame := inspection.Frame"):
		return []string{"448"}
	case strings.Contains(snippet, "take another one"):
		return []string{"take another one", "INVALID_PICTURE"}
	case strings.Contains(snippet, "type inspector"):
		return []string{"out"}
	case strings.Contains(snippet, "client.Health"):
		return []string{"true ", "67108864", "leather"}
	default:
		return nil
	}
}

func testWatchfolder(t *testing.T, server *testserver.Server) {
	folder := t.TempDir()
	program := filepath.Join(folder, "watchfolder")
	run(t, filepath.Join(testserver.Root(), "client/go"), "go", "build", "-o", program, "./examples/watchfolder")
	overlays := filepath.Join(folder, "overlays")
	output := run(t, folder, program, "-server", server.Address, "-folder", filepath.Dir(testserver.Image("leather/x")),
		"-category", "leather", "-overlays", overlays, "-once")
	for _, line := range []string{"good_0.jpg: PASS", "hole_0.jpg: FAIL", "scratch_0.jpg: FAIL"} {
		if !strings.Contains(output, line) {
			t.Errorf("it prints\n%s\nwithout %q", output, line)
		}
	}
	if _, err := os.Stat(filepath.Join(overlays, "scratch_0.jpg.png")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(overlays, "good_0.jpg.png")); err == nil {
		t.Error("there is an overlay of a part that passes")
	}
}
