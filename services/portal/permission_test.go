package portal

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// May is the table of permissions once more, as it must be: what each method lets whom do.
func may() map[string]Scopes {
	const open = 0
	return map[string]Scopes{
		"List": ScopeRead | ScopeAdmin, "Get": ScopeRead | ScopeAdmin, "History": ScopeRead | ScopeAdmin, "Watch": ScopeRead | ScopeAdmin,
		"Add": ScopeAdmin, "Save": ScopeAdmin, "Delete": ScopeAdmin, "Enable": ScopeAdmin, "Disable": ScopeAdmin,
		"ResetPassword": ScopeAdmin, "RemoveDevice": ScopeAdmin, "ChangeEmail": ScopeAdmin, "SendWelcome": ScopeAdmin,
		"Publish": ScopeCore,
		"SignIn":  open, "Profile": open, "SignOut": open, "Follow": open, // each proves who it is
		"Run": open, // not a request
	}
}

// Every method refuses whoever may not, before it does anything else.
func TestEveryMethodAsksWhoMay(t *testing.T) {
	t.Parallel()
	service := reflect.ValueOf(&Service{})
	listed := may()
	for i := range service.NumMethod() {
		name := service.Type().Method(i).Name
		scopes, known := listed[name]
		if !known {
			t.Errorf("%s is a method that no row of the table is about", name)
		}
		delete(listed, name)
		if scopes == 0 {
			continue
		}
		if !refused(service.Method(i), Actor{}) {
			t.Errorf("%s: nobody in particular may", name)
		}
		for has := range Scopes(8) {
			for _, tenant := range []string{"acme", "globex", EveryTenant, ""} {
				want := has&scopes == 0 || tenant == "globex" || tenant == ""
				if got := refused(service.Method(i), Actor{Name: "x", Tenant: tenant, Scopes: has}); got != want {
					t.Errorf("%s with the scopes %q for tenant %q: refused %t, want %t", name, has, tenant, got, want)
				}
			}
		}
	}
	for name := range listed {
		t.Errorf("%s is no method", name)
	}
}

// nothing is a context with which nothing can be done but to ask who acts.
type nothing struct{ context.Context }

func (nothing) Deadline() (time.Time, bool) { panic("the method went on") }
func (nothing) Done() <-chan struct{}       { panic("the method went on") }

// refused calls a method about acme/1001 and says whether that was forbidden. The Service
// and the context are good for nothing: a method that goes on panics.
func refused(method reflect.Value, who Actor) (forbidden bool) {
	defer func() { _ = recover() }()
	args := []reflect.Value{reflect.ValueOf(nothing{As(context.Background(), who)})}
	x := events.Extension{Tenant: "acme", Number: "1001"}
	for i := 1; i < method.Type().NumIn(); i++ {
		arg := reflect.New(method.Type().In(i)).Elem()
		switch arg.Interface().(type) {
		case events.Extension:
			arg.Set(reflect.ValueOf(x))
		case events.Event:
			arg.Set(reflect.ValueOf(events.NewFact(x, events.ExtensionDeleted{})))
		case string:
			if i == 1 {
				arg.SetString(x.Tenant)
			}
		}
		args = append(args, arg)
	}
	for _, result := range method.Call(args) {
		if err, is := reflect.TypeAssert[error](result); is {
			_, forbidden = errors.AsType[*Forbidden](err)
		}
	}
	return forbidden
}

func TestScopes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"read", "admin", "core", "read,core", "read,admin,core"} {
		if scopes, err := ParseScopes(text); err != nil || scopes.String() != text {
			t.Errorf("%s: %s, %v", text, scopes, err)
		}
	}
	for _, text := range []string{"", "root", "read,", "Admin"} {
		if _, err := ParseScopes(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
