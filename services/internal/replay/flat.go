package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// flat is a JSON document with a field for each value, named by its path.
func flat(body []byte) map[string]string {
	fields := map[string]string{}
	var document any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		fields["body"] = string(body)
		return fields
	}
	flatten(fields, "", document)
	delete(fields, "traceparent")
	delete(fields, "tracestate")
	return fields
}

func flatten(fields map[string]string, path string, value any) {
	under := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			flatten(fields, under(name), member)
		}
	case []any:
		for n, element := range v {
			flatten(fields, under(strconv.Itoa(n)), element)
		}
	default:
		fields[path] = fmt.Sprint(v)
	}
}
