#include "model/detection/missing_libraries.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/files.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

// A file's bytes without reading all of them: LibTorch's libraries have half a gigabyte each.
class MappedFile {
 public:
  static absl::StatusOr<MappedFile> Open(const fs::path& file) {
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return FileError("open", file, errno);
    struct stat status = {};
    const bool sized = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
    const size_t size = sized ? static_cast<size_t>(status.st_size) : 0;
    void* const bytes = sized ? mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
    close(descriptor);
    if (bytes == MAP_FAILED) return absl::InvalidArgumentError(absl::StrCat(file.string(), " is no file with content"));
    return MappedFile(bytes, size);
  }
  MappedFile(MappedFile&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile() {
    if (bytes_ != nullptr) munmap(bytes_, size_);
  }

  absl::string_view bytes() const { return {static_cast<const char*>(bytes_), size_}; }

 private:
  MappedFile(void* bytes, size_t size) : bytes_(bytes), size_(size) {}
  void* bytes_;
  size_t size_;
};

// A structure of the file; nullopt where the file ends before it does.
template <typename T>
std::optional<T> Read(absl::string_view bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// What an ELF file says of the libraries that it needs.
struct Needs {
  std::vector<std::string> names;
  std::vector<fs::path> folders;         // where it looks for them
  std::vector<fs::path> passed_folders;  // those of DT_RPATH: what it needs looks there too
};

absl::Status Damaged(const fs::path& file) {
  return absl::InvalidArgumentError(
      absl::StrCat(file.string(), " is no shared library of this machine's kind, or damaged"));
}

// The file's segments, and where the table of dynamic entries lies.
class ElfFile {
 public:
  static absl::StatusOr<ElfFile> Parse(const fs::path& file, absl::string_view bytes) {
    const std::optional<Elf64_Ehdr> header = Read<Elf64_Ehdr>(bytes, 0);
    if (!header.has_value() || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
      return Damaged(file);
    }
    ElfFile elf(bytes);
    for (uint64_t i = 0; i < header->e_phnum; ++i) {
      const std::optional<Elf64_Phdr> segment = Read<Elf64_Phdr>(bytes, header->e_phoff + (i * sizeof(Elf64_Phdr)));
      if (!segment.has_value()) return Damaged(file);
      elf.segments_.push_back(*segment);
    }
    return elf;
  }

  // Its dynamic entries up to the end mark; nullopt: there is no such table, or the file ends in it.
  std::optional<std::vector<Elf64_Dyn>> Dynamic() const {
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type != PT_DYNAMIC) continue;
      std::vector<Elf64_Dyn> entries;
      for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= segment.p_filesz; at += sizeof(Elf64_Dyn)) {
        const std::optional<Elf64_Dyn> entry = Read<Elf64_Dyn>(bytes_, segment.p_offset + at);
        if (!entry.has_value()) return std::nullopt;
        if (entry->d_tag == DT_NULL) return entries;
        entries.push_back(*entry);
      }
    }
    return std::nullopt;
  }

  // The text at an address of the loaded library; nullopt where the file has none.
  std::optional<std::string> TextAt(uint64_t address) const {
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz) {
        continue;
      }
      const uint64_t offset = segment.p_offset + (address - segment.p_vaddr);
      if (offset >= bytes_.size()) return std::nullopt;
      const absl::string_view rest = bytes_.substr(offset);
      const size_t end = rest.find('\0');
      if (end == absl::string_view::npos) return std::nullopt;
      return std::string(rest.substr(0, end));
    }
    return std::nullopt;
  }

 private:
  explicit ElfFile(absl::string_view bytes) : bytes_(bytes) {}
  absl::string_view bytes_;
  std::vector<Elf64_Phdr> segments_;
};

std::vector<fs::path> Folders(const std::string& list, const fs::path& origin) {
  std::vector<fs::path> folders;
  for (const absl::string_view folder : absl::StrSplit(list, ':', absl::SkipEmpty())) {
    folders.emplace_back(absl::StrReplaceAll(folder, {{"$ORIGIN", origin.string()}, {"${ORIGIN}", origin.string()}}));
  }
  return folders;
}

absl::StatusOr<Needs> ReadNeeds(const fs::path& file) {
  const absl::StatusOr<MappedFile> mapped = MappedFile::Open(file);
  if (!mapped.ok()) return mapped.status();
  const absl::StatusOr<ElfFile> elf = ElfFile::Parse(file, mapped->bytes());
  if (!elf.ok()) return elf.status();
  const std::optional<std::vector<Elf64_Dyn>> entries = elf->Dynamic();
  if (!entries.has_value()) return Damaged(file);
  uint64_t texts = 0;
  for (const Elf64_Dyn& entry : *entries) {
    if (entry.d_tag == DT_STRTAB) texts = entry.d_un.d_ptr;
  }
  std::error_code ignored;
  const fs::path real = fs::canonical(file, ignored);
  const fs::path origin = (real.empty() ? file : real).parent_path();
  Needs needs;
  for (const Elf64_Dyn& entry : *entries) {
    if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_RPATH && entry.d_tag != DT_RUNPATH) continue;
    const std::optional<std::string> text = elf->TextAt(texts + entry.d_un.d_val);
    if (!text.has_value()) return Damaged(file);
    if (entry.d_tag == DT_NEEDED) {
      needs.names.push_back(*text);
      continue;
    }
    const std::vector<fs::path> folders = Folders(*text, origin);
    needs.folders.insert(needs.folders.end(), folders.begin(), folders.end());
    if (entry.d_tag == DT_RPATH)
      needs.passed_folders.insert(needs.passed_folders.end(), folders.begin(), folders.end());
  }
  return needs;
}

// Whether the dynamic linker finds the library for this program: it is loaded already, or a part of the system.
bool LinkerFinds(const std::string& name) {
  void* const handle = dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) return false;
  dlclose(handle);
  return true;
}

class Search {
 public:
  absl::Status Visit(const fs::path& file, const std::vector<fs::path>& inherited) {
    absl::StatusOr<Needs> needs = ReadNeeds(file);
    if (!needs.ok()) return needs.status();
    needs->folders.insert(needs->folders.end(), inherited.begin(), inherited.end());
    needs->passed_folders.insert(needs->passed_folders.end(), inherited.begin(), inherited.end());
    for (const std::string& name : needs->names) {
      if (!seen_.insert(name).second) continue;
      const std::optional<fs::path> found = Find(name, needs->folders);
      if (found.has_value()) {
        const absl::Status visited = Visit(*found, needs->passed_folders);
        if (!visited.ok()) return visited;
      } else if (!LinkerFinds(name)) {
        missing_.insert(name);
      }
    }
    return absl::OkStatus();
  }

  std::vector<std::string> missing() const { return {missing_.begin(), missing_.end()}; }

 private:
  static std::optional<fs::path> Find(const std::string& name, const std::vector<fs::path>& folders) {
    std::error_code ignored;
    for (const fs::path& folder : folders) {
      if (fs::is_regular_file(folder / name, ignored)) return folder / name;
    }
    return std::nullopt;
  }

  std::set<std::string> seen_;
  std::set<std::string> missing_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> MissingLibraries(const fs::path& library) {
  Search search;
  const absl::Status visited = search.Visit(library, {});
  if (!visited.ok()) return visited;
  return search.missing();
}

}  // namespace bayespfl
