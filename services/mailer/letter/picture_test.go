package letter

import (
	"bytes"
	"image"
	"image/png"
	"runtime"
	"strings"
	"testing"
)

// A logo is measured before it is decoded: a small file may say that it is a very large
// picture.
func TestLogoIsMeasuredFirst(t *testing.T) { // alone: it measures what is allocated
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&file, image.NewGray(image.Rect(0, 0, 7000, 7000))); err != nil {
		t.Fatal(err)
	}
	if file.Len() > maxLogo {
		t.Fatalf("the file has %d bytes, more than is read", file.Len())
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := logo(file.Bytes())
	runtime.ReadMemStats(&after)
	took := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d bytes of PNG took %d KiB", file.Len(), took>>10)
	if err == nil || !strings.Contains(err.Error(), "7000 × 7000 pixels; use a PNG picture of at most 960 × 960") {
		t.Errorf("%v", err)
	}
	if took > 1<<20 {
		t.Errorf("%d KiB were allocated", took>>10)
	}
}
