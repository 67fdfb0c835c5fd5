package web

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/bandish/bandish/internal/browser"
)

// The pictures of the README are pages of the demonstration. This draws them;
// BANDISH_PICTURES names a folder to keep them in:
//
//	BANDISH_LONG=1 BANDISH_PICTURES=$PWD/docs go test ./internal/web -run TestReadmePictures
func TestReadmePictures(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	chromium := browser.Chromium(t)
	s := demonstration(t)
	b := openTab(t, chromium, s.url)
	for name, path := range map[string]string{"demo.png": "/cc/ZZ/x", "case.png": "/cases/pk-2024-x"} {
		if !strings.Contains(string(readme), "(docs/"+name+")") {
			t.Errorf("the README does not show docs/%s", name)
		}
		const width, height = 1200, 1080
		b.do(chromedp.EmulateViewport(width, height))
		b.open(path)
		drawn, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Error(err)
		}
		if dir := os.Getenv("BANDISH_PICTURES"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, name), drawn, 0o644); err != nil {
				t.Fatal(err)
			}
			kept = drawn
		}
		for what, data := range map[string][]byte{"drawn": drawn, "kept": kept} { // fonts differ: pixels are not compared
			picture, err := png.Decode(bytes.NewReader(data))
			if err != nil || picture.Bounds().Dx() != width || picture.Bounds().Dy() != height {
				t.Errorf("%s, %s: %v, %v", name, what, picture, err)
				continue
			}
			colours := map[[3]uint32]bool{}
			for y := 0; y < height; y += 3 {
				for x := 0; x < width; x += 3 {
					r, g, b, _ := picture.At(x, y).RGBA()
					colours[[3]uint32{r, g, b}] = true
				}
			}
			if len(colours) < 50 {
				t.Errorf("%s, %s, is a blank page: %d colours", name, what, len(colours))
			}
		}
	}
}
