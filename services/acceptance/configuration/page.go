package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/standalone"
)

// PageFile is where the page is kept, from the root of the repository.
const PageFile = "deploy/CONFIGURATION.md"

const introduction = `# Configuration

Every service is configured by environment variables, and reads them once, when it starts. It reports all faults at
once, each with the name of its variable. A variable that holds a secret can be read from a file instead: set
` + "`NAME_FILE`" + ` to the path, and leave ` + "`NAME`" + ` unset. Durations are written like ` + "`90s`, `1h30m`" + `; several values
are separated by commas.

` + "`softphonectl help`" + ` lists the variables of the command line.

This page is generated from the code. ` + "`make fix`" + ` writes it, ` + "`make test`" + ` compares it.
`

// variable is one that a service reads.
type variable struct {
	name, fallback, meaning string
	required                bool
}

// service is a program and the variables that only it reads.
type service struct {
	name      string
	variables []variable
}

// Page makes the page from the sources under root.
func Page(root string) (string, error) {
	meanings, err := readMeanings(root)
	if err != nil {
		return "", err
	}
	var page strings.Builder
	page.WriteString(introduction)
	for _, s := range services(meanings) {
		fmt.Fprintf(&page, "\n## %s\n\n| variable | default | meaning |\n|---|---|---|\n", s.name)
		for _, v := range s.variables {
			if v.meaning == "" {
				return "", fmt.Errorf("%s has no comment: say what it means beside its field", v.name)
			}
			fmt.Fprintf(&page, "| `%s` | %s | %s |\n", v.name, v.shownDefault(), strings.ReplaceAll(v.meaning, "|", `\|`))
		}
	}
	return page.String(), nil
}

func (v variable) shownDefault() string {
	switch {
	case v.required:
		return "required"
	case v.fallback == "":
		return ""
	}
	return "`" + v.fallback + "`"
}

// services lists the programs, what several of them read first. Standalone's
// configuration is made of all others.
func services(meanings meanings) []service {
	all := reflect.TypeFor[standalone.Config]()
	names := []struct{ field, name string }{
		{"License", "license"}, {"DeviceCounter", "device-counter"}, {"Mailer", "mailer"}, {"NameSync", "name-sync"}, {"Portal", "portal"},
	}
	readBy := map[string][]string{}
	of := map[string][]variable{}
	for _, n := range names {
		field, _ := all.FieldByName(n.field)
		of[n.name] = meanings.of(field.Type, "")
		for _, v := range of[n.name] {
			if !slices.Contains(readBy[v.name], n.name) {
				readBy[v.name] = append(readBy[v.name], n.name)
			}
		}
	}
	shared := service{name: "Several services"}
	var own []service
	listed := map[string]bool{}
	for _, n := range names {
		s := service{name: n.name}
		for _, v := range of[n.name] {
			switch readers := readBy[v.name]; {
			case listed[v.name]:
				continue
			case len(readers) > 1:
				v.meaning += readersNote(readers, len(names))
				shared.variables = append(shared.variables, v)
			default:
				s.variables = append(s.variables, v)
			}
			listed[v.name] = true
		}
		if len(s.variables) > 0 {
			own = append(own, s)
		}
	}
	one := service{name: "standalone"}
	for _, v := range meanings.of(all, "") {
		if !listed[v.name] {
			listed[v.name] = true
			one.variables = append(one.variables, v)
		}
	}
	return append(append([]service{shared}, own...), one)
}

func readersNote(readers []string, of int) string {
	if len(readers) == of {
		return ""
	}
	return " (" + strings.Join(readers, ", ") + ")"
}

// of lists the variables of a configuration struct, in the order of its fields.
func (m meanings) of(t reflect.Type, prefix string) []variable {
	var found []variable
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("env"), ",")
		switch {
		case name == "-":
		case name != "":
			found = append(found, variable{
				name: prefix + name, fallback: field.Tag.Get("envDefault"), meaning: m[placeOf(t, field.Name)],
				required: slices.Contains(strings.Split(options, ","), "required"),
			})
		case field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[process.Secret]() && (field.IsExported() || field.Anonymous):
			found = append(found, m.of(field.Type, prefix+field.Tag.Get("envPrefix"))...)
		}
	}
	return found
}
