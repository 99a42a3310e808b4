package fold

import "strconv"

// written is what Redis is to hold of one key.
type written struct {
	name   string // of the hash
	seq    uint64
	recent recent
	fields Fields

	// had are the fields Redis holds of the key under the checkpoint that the commit
	// compares; nil when that is not known, and then the hash is replaced whole.
	had map[string]string
}

// appendTo adds the arguments that the commit script wants for one key. Of a hash
// that is known only what changes is sent: a script's cost is its arguments, and
// most events change two or three of a dozen fields.
func (w written) appendTo(args []any) []any {
	count := len(args)
	args = append(args, 0)
	kept := 0
	set := func(name, value string) {
		old, there := w.had[name]
		if there {
			kept++
		}
		if !there || old != value {
			args = append(args, name, value)
		}
	}
	w.each(set)
	args[count] = -(len(args) - count - 1)
	if kept == len(w.had) && w.had != nil {
		return args
	}
	args = args[:count+1]
	w.each(func(name, value string) { args = append(args, name, value) })
	args[count] = len(args) - count - 1
	return args
}

func (w written) each(field func(name, value string)) {
	field(fieldSeq, strconv.FormatUint(w.seq, 10))
	field(fieldRecent, string(w.recent))
	for i := 0; i+1 < len(w.fields); i += 2 {
		field(w.fields[i], w.fields[i+1])
	}
}
