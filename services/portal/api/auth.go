package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// Every is the tenant of a token that is good for all.
const Every = portal.EveryTenant

// Token is who holds an API token, and for which tenant.
type Token struct {
	Name   string // told to others: "changed by …"
	Tenant string // or Every
}

// Tokens are the API tokens by their SHA-256: they are random, so a fast hash is
// enough, and nobody who reads the file can use one.
type Tokens map[[sha256.Size]byte]Token

// NewToken makes an API token up, and the line that lets it in.
func NewToken(t Token) (token, line string) {
	token = "softphone_" + rand.Text()
	sum := sha256.Sum256([]byte(token))
	return token, t.Name + " " + t.Tenant + " " + hex.EncodeToString(sum[:])
}

// ParseTokens reads lines "<name> <tenant, or *> <SHA-256 of the token, hex>". Empty
// lines and those that begin with # say nothing. A fault is told by its line's
// number: somebody may have written the token itself.
func ParseTokens(text string) (Tokens, error) {
	tokens := Tokens{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		fault := func(what string) error { return fmt.Errorf("line %d of the API tokens %s", number, what) }
		if len(fields) != 3 {
			return nil, fault("is not: name tenant sha256, for example: crm * 9f86d081…")
		}
		if fields[1] != Every && (events.Extension{Tenant: fields[1], Number: "0"}).Validate() != nil {
			return nil, fault("names no tenant: a-z, 0-9 and -, or *")
		}
		sum, err := hex.DecodeString(fields[2])
		if err != nil || len(sum) != sha256.Size {
			return nil, fault("has no SHA-256 as its third word: 64 hexadecimal digits")
		}
		if [sha256.Size]byte(sum) == sha256.Sum256(nil) {
			return nil, fault("has the SHA-256 of nothing, which everybody knows: hash the token, without a line's end")
		}
		tokens[[sha256.Size]byte(sum)] = Token{Name: fields[0], Tenant: fields[1]}
	}
	return tokens, nil
}

var errNoToken = errors.New("an API token is needed: Authorization: Bearer …")

// admin lets in who has an API token. What it may do, the service decides.
func (a *api) admin(do handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		token, known := a.Tokens[sha256.Sum256([]byte(bearer(r)))]
		if !known {
			return errNoToken
		}
		who := portal.Actor{
			Kind: portal.KindAPIToken, ID: token.Name, Name: token.Name, Tenant: token.Tenant,
			Scopes: portal.ScopeRead | portal.ScopeAdmin | portal.ScopeCore,
		}
		return do(w, r.WithContext(portal.As(r.Context(), who)))
	}
}

// bearer is the token of a request (RFC 6750), "" when there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// address is the client's, as far as it can be believed: the last one in
// X-Forwarded-For that is not a proxy of ours, when the request came from one.
func (a *api) address(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	from := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !a.proxy(from) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		from = before.Unmap()
	}
	return from.String()
}

func (a *api) proxy(ip netip.Addr) bool {
	return slices.ContainsFunc(a.Proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}
