package process

import (
	"os"
	"runtime/debug"
)

// garbage is how much a worker may let lie, in percent of what is alive. That is little,
// and almost all that an event is made of is garbage when it is done. With Go's 100,
// collecting took a quarter of the processor's time of a worker that folds a log again,
// and a tenth of that of one that sends mails. A worker that catches up has 200 MB.
const garbage = 300

// CollectSeldom is for programs that keep little and throw much away, and may use a few
// times as much memory to be faster. GOGC says otherwise.
func CollectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
}
