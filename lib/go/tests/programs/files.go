// Files, directories and links in the current directory, and refusals outside of it.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func check(what string, err error) {
	if err == nil {
		fmt.Println(what, "done")
	} else {
		fmt.Println(what, "refused", errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrPermission))
	}
}

func main() {
	check("mkdir", os.MkdirAll("made/in/deep", 0o755))
	check("mkdir again", os.Mkdir("made", 0o755))
	check("write", os.WriteFile("made/text", []byte("some text\n"), 0o644))
	data, err := os.ReadFile("made/text")
	check("read "+strings.TrimSpace(string(data)), err)
	file, err := os.OpenFile("made/text", os.O_RDWR|os.O_APPEND, 0)
	check("open", err)
	_, err = file.WriteString("appended\n")
	check("append", err)
	where, err := file.Seek(5, io.SeekStart)
	check(fmt.Sprint("seek ", where), err)
	rest, err := io.ReadAll(file)
	check(fmt.Sprintf("rest %q", rest), err)
	count, err := file.ReadAt(make([]byte, 4), 2)
	check(fmt.Sprint("read at ", count), err)
	info, err := file.Stat()
	check(fmt.Sprint("stat ", info.Name(), info.Size(), info.IsDir()), err)
	check("truncate", file.Truncate(3))
	check("sync", file.Sync())
	check("close", file.Close())
	_, err = file.Read(make([]byte, 1))
	fmt.Println("closed", errors.Is(err, os.ErrClosed))
	check("rename", os.Rename("made/text", "made/renamed"))
	check("link", os.Symlink("renamed", "made/link"))
	target, err := os.Readlink("made/link")
	check("readlink "+target, err)
	check("chmod", os.Chmod("made/renamed", 0o600))
	err = filepath.WalkDir("made", func(path string, entry fs.DirEntry, err error) error {
		fmt.Println("walk", path, entry.IsDir(), entry.Type()&fs.ModeSymlink != 0, err)
		return nil
	})
	check("walk", err)
	_, err = os.ReadFile("nothing")
	check("nothing", err)
	check("remove directory", os.Remove("made"))
	check("remove all", os.RemoveAll("made"))
	left, err := os.ReadDir(".")
	check(fmt.Sprint("left ", len(left)), err)
}
