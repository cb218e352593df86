package tandem

import (
	"fmt"
	"strings"
	"testing"
)

func TestATokenIsNotPrinted(t *testing.T) {
	options := Options{Server: "http://127.0.0.1:7070", Token: "tandem_secret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		printed := fmt.Sprintf(verb, options)
		if strings.Contains(printed, "secret") || !strings.Contains(printed, "***") {
			t.Errorf("%s: %s", verb, printed)
		}
	}
}

func TestAServerIsAnURL(t *testing.T) {
	for _, server := range []string{"127.0.0.1:7070", "ftp://host", "http://", "localhost"} {
		if _, err := Connect(Options{Server: server}); err == nil {
			t.Errorf("%s was taken", server)
		}
	}
	if _, err := Connect(Options{Server: "https://localhost", CertFile: "alone.crt"}); err == nil {
		t.Error("a certificate without its key was taken")
	}
}
