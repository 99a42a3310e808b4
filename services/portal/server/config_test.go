package server

import "testing"

func TestURLIsAnOrigin(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"http://127.0.0.1:8080": true, "https://phones.example": true, "https://phones.example/": true,
		"https://phones.example/app": false, "https://": false, "https:///x": false, "https://:8080": false,
		"phones.example": false, "ftp://phones.example": false, "https://a@phones.example": false, "https://phones.example?x": false, "": false,
	} {
		if err := (Config{URL: address}).checkURL(); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
