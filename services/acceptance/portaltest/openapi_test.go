package portaltest_test

import (
	"bytes"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// openapi holds what is said over HTTP to openapi.yaml.
type openapi struct {
	doc      map[string]any
	compiler *jsonschema.Compiler

	mu   sync.Mutex
	seen map[string]bool // "METHOD path status"
}

func newOpenAPI(t *testing.T, description []byte) *openapi {
	t.Helper()
	text, err := yaml.YAMLToJSON(description)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	o := &openapi{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
	o.compiler.AssertFormat()
	if err := o.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return o
}

// operations are those that are described: "METHOD path", and what is said of them.
func (o *openapi) operations() map[string]map[string]any {
	all := map[string]map[string]any{}
	for path, item := range o.doc["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			if method != "parameters" {
				all[strings.ToUpper(method)+" "+path] = operation.(map[string]any)
			}
		}
	}
	return all
}

// statuses are all documented answers.
func (o *openapi) statuses() map[string]bool {
	all := map[string]bool{}
	for name, operation := range o.operations() {
		for status := range operation["responses"].(map[string]any) {
			all[name+" "+status] = true
		}
	}
	return all
}

// exchange holds one request and its answer to the description.
func (o *openapi) exchange(t *testing.T, route string, request []byte, media string, r *http.Response, answer []byte) {
	t.Helper()
	operation := o.operations()[route]
	if operation == nil {
		t.Errorf("%s is not described", route)
		return
	}
	method, path, _ := strings.Cut(route, " ")
	at, code := pointer("paths", path, strings.ToLower(method)), strconv.Itoa(r.StatusCode)
	o.mu.Lock()
	o.seen[route+" "+code] = true
	o.mu.Unlock()
	response, described := operation["responses"].(map[string]any)[code].(map[string]any)
	if !described {
		t.Errorf("%s: the answer %s is not described: %s", route, code, answer)
		return
	}
	where := at + pointer("responses", code)
	if ref, ok := response["$ref"].(string); ok {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		where = pointer("components", "responses", name)
		response = o.doc["components"].(map[string]any)["responses"].(map[string]any)[name].(map[string]any)
	}
	o.headers(t, route, response, r)
	o.body(t, route+" "+code, where, response, r.Header.Get("Content-Type"), answer)
	if r.StatusCode < 300 && len(request) > 0 {
		o.body(t, route, at+pointer("requestBody"), operation["requestBody"].(map[string]any), media, request)
	}
}

func (o *openapi) headers(t *testing.T, route string, response map[string]any, r *http.Response) {
	t.Helper()
	headers, _ := response["headers"].(map[string]any)
	for name, header := range headers {
		if required, _ := header.(map[string]any)["required"].(bool); required && r.Header.Get(name) == "" {
			t.Errorf("%s %d: header %s is missing", route, r.StatusCode, name)
		}
	}
}

// body holds a body to the schema of its media type.
func (o *openapi) body(t *testing.T, what, where string, described map[string]any, media string, body []byte) {
	t.Helper()
	content, _ := described["content"].(map[string]any)
	kind, _, _ := mime.ParseMediaType(media)
	if len(body) == 0 && len(content) == 0 {
		return
	}
	if content[kind] == nil {
		t.Errorf("%s: content type %q is not described: %s", what, media, body)
		return
	}
	if !strings.HasSuffix(kind, "json") {
		return
	}
	schema, err := o.compiler.Compile("openapi.json#" + where + pointer("content", kind, "schema"))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Errorf("%s: %s\n%v", what, body, err)
	}
}

// pointer is a JSON pointer, as it is in a URL.
func pointer(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		p = strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(p)
		b.WriteString("/" + p)
	}
	return b.String()
}
