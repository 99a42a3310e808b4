package fold

import "strconv"

// stateWrite is one state to write to Redis.
type stateWrite struct {
	name   string // of the hash
	seq    uint64
	recent recent
	fields Fields

	// stored is the hash under the checkpoint that the commit compares; nil when that is not known, and then the hash
	// is replaced as a whole.
	stored map[string]string
}

// appendTo adds the arguments of the commit script for one state. Of a known hash only the changes are sent: the script's
// cost is in its arguments, and most events change two or three of a dozen fields.
func (w stateWrite) appendTo(args []any) []any {
	count := len(args)
	args = append(args, 0)
	overwritten := 0
	w.each(func(name, value string) {
		old, there := w.stored[name]
		if there {
			overwritten++
		}
		if !there || old != value {
			args = append(args, name, value)
		}
	})
	args[count] = -(len(args) - count - 1)
	if w.stored != nil && overwritten == len(w.stored) {
		return args
	}
	args = args[:count+1]
	w.each(func(name, value string) { args = append(args, name, value) })
	args[count] = len(args) - count - 1
	return args
}

func (w stateWrite) each(field func(name, value string)) {
	field(fieldSeq, strconv.FormatUint(w.seq, 10))
	field(fieldRecent, string(w.recent))
	for i := 0; i+1 < len(w.fields); i += 2 {
		field(w.fields[i], w.fields[i+1])
	}
}
