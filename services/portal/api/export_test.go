package api

// Routes are the method and path of every operation.
func Routes() (all []string) {
	for _, r := range (&api{}).routes() {
		all = append(all, r.method+" "+r.path)
	}
	return all
}

// Description is openapi.yaml.
func Description() []byte { return openAPI }
