package letter

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// layer is one of three, each of which overrides the one below: what is built in, what
// default.yaml says for all tenants, what a brand says for one.
type layer struct {
	settings
	sources sources
	words   map[language.Tag]*words
	own     bool // has templates or words of its own
}

// directory of brands, while it is read.
type directory struct {
	name   string
	files  fs.FS
	root   *os.Root // whose files they are
	faults Faults
}

// builtinLayer is the lowest layer.
func builtinLayer(s settings) (layer, error) {
	files, err := fs.Sub(builtin, "builtin")
	if err != nil {
		return layer{}, err
	}
	d := directory{name: "built-in", files: files}
	l := d.over(layer{settings: s}, ".")
	return l, d.faults.err()
}

func (d *directory) shown(name string) string { return d.name + "/" + name }

// over returns a layer overridden by a brand's folder.
func (d *directory) over(below layer, folder string) layer {
	l := below
	var templates, words bool
	l.sources, templates = d.templates(below.sources, path.Join(folder, "templates"))
	l.words, words = d.words(below.words, path.Join(folder, "words"))
	l.own = templates || words
	return l
}

// entries are the files of a folder that count: editors and Kubernetes keep others
// beside them, whose names begin with a dot.
func (d *directory) entries(folder string) []string {
	var names []string
	entries, err := fs.ReadDir(d.files, folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.faults.add(d.shown(folder), err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	return names
}

func (d *directory) read(name string) ([]byte, bool) {
	content, err := fs.ReadFile(d.files, name)
	if err != nil {
		d.faults.add(d.shown(name), err)
	}
	return content, err == nil
}

func (d *directory) fault(name, problem string) {
	d.faults = append(d.faults, &Fault{File: d.shown(name), Problem: problem})
}

// templates returns templates overridden by those of a folder.
func (d *directory) templates(below sources, folder string) (merged sources, changed bool) {
	merged = maps.Clone(below)
	if merged == nil {
		merged = sources{}
	}
	known := templateNames()
	for _, name := range d.entries(folder) {
		file := folder + "/" + name
		if !slices.Contains(known, name) {
			d.fault(file, "is no template; there are "+strings.Join(known, ", "))
		} else if text, ok := d.read(file); ok {
			merged[name], changed = source{d.shown(file), string(text)}, true
		}
	}
	return merged, changed
}

// words returns words overridden by those of a folder. A new language must have all.
func (d *directory) words(below map[language.Tag]*words, folder string) (merged map[language.Tag]*words, changed bool) {
	merged = maps.Clone(below)
	if merged == nil {
		merged = map[language.Tag]*words{}
	}
	for _, name := range d.entries(folder) {
		file := folder + "/" + name
		locale, isYAML := strings.CutSuffix(name, ".yaml")
		tag, err := parseLocale(locale)
		if !isYAML || err != nil {
			d.fault(file, "is no file of words; name it by its language, such as de.yaml or pt-BR.yaml")
			continue
		}
		if content, ok := d.read(file); ok {
			phrases := document{d.shown(file), &d.faults}.phrases(content, wordKeys())
			all := merged[tag].over(tag, phrases)
			if missing := all.lacking(); len(missing) > 0 {
				d.fault(file, "is a new language and must have all words; it lacks "+strings.Join(missing, ", "))
				continue
			}
			merged[tag], changed = all, true
		}
	}
	return merged, changed
}

// defaultBrand is the brand of tenants without one.
const defaultBrand = "default"

var tenantName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// brands are the names of the files of brands. Any other file is a
// fault, because it may be one of them, misspelled.
func (d *directory) brands() []string {
	var names []string
	all := d.entries(".")
	for _, file := range all {
		name, extension, _ := strings.Cut(file, ".")
		switch {
		case extension == "png":
		case extension == "" && d.isFolder(file):
			if !slices.Contains(all, file+".yaml") {
				d.fault(file, "has no "+file+".yaml beside it; make one, it may be empty")
			}
		case extension == "yaml" && tenantName.MatchString(name):
			names = append(names, name)
		default:
			d.fault(file, "is neither the brand of a tenant (tenant.yaml), nor its folder, nor a logo (.png)")
		}
	}
	return names
}

func (d *directory) isFolder(name string) bool {
	info, err := fs.Stat(d.files, name)
	return err == nil && info.IsDir()
}

// brand returns a layer overridden by the file and the folder of a brand.
func (d *directory) brand(below layer, name string) layer {
	l := d.over(below, name)
	file := name + ".yaml"
	if content, ok := d.read(file); ok {
		l.read(document{d.shown(file), &d.faults}, content, d.files)
	}
	return l
}

// openDirectory opens a directory in such a way that no file outside it is read, also
// through a symbolic link.
func openDirectory(name string) (*directory, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("MAIL_BRANDS: %w", err)
	}
	return &directory{name: path.Clean(name), files: root.FS(), root: root}, nil
}
