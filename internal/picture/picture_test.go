package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
)

var urdu = Card{Site: "بندش: انٹرنیٹ پابندیوں کا کھلا ریکارڈ", Title: "کیا ایکس پاکستان میں بلاک ہے؟", State: "7 مئی 2025 تک بلاک رہا، جیسا کہ ماخذ بتاتے ہیں",
	Sentence: "ایکس پاکستان میں 17 فروری 2024 سے 7 مئی 2025 تک بلاک رہا، یعنی 444–445 دن، جیسا کہ ماخذ بتاتے ہیں (the case record)۔ اس ریکارڈ میں پاکستان میں ایکس کی کوئی پیمائش نہیں۔", Foot: "1 جنوری 2026 · bandish", Color: color.RGBA{0xa3, 0x15, 0x29, 0xff}, Language: "ur", RTL: true}

var english = Card{Site: "Bandish, the open record of internet bans", Title: "Is X blocked in Pakistan?", State: "It was blocked until 7 May 2025, as sources report",
	Sentence: "X was blocked in Pakistan from 17 February 2024 to 7 May 2025, 444 to 445 days, as sources report (the case record). This archive holds no measurements of X in Pakistan.", Foot: "As of 1 January 2026", Color: color.RGBA{0x5f, 0x69, 0x73, 0xff}, Language: "en",
	Columns: []Column{{.4, color.RGBA{0x1d, 0x6e, 0x4a, 0xff}}, {}, {1, color.RGBA{0xa3, 0x15, 0x29, 0xff}}}, Ends: [2]string{"1 January 2026", "3 January 2026"}}

// A picture has its size, ink where lines begin, and no letter beyond its margins.
// BANDISH_SHOTS names a folder in which to look at them.
func TestPictures(t *testing.T) {
	for name, c := range map[string]Card{"ur": urdu, "en": english} {
		b, err := c.PNG()
		if err != nil {
			t.Fatal(err)
		}
		if dir := os.Getenv("BANDISH_SHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, "picture-"+name+".png"), b, 0o644); err != nil {
				t.Error(err)
			}
		}
		img, err := png.Decode(bytes.NewReader(b))
		if err != nil || img.Bounds() != image.Rect(0, 0, Width, Height) {
			t.Fatalf("%s: %v %v", name, img.Bounds(), err)
		}
		inkIn := func(r image.Rectangle) (n int) {
			for y := r.Min.Y; y < r.Max.Y; y++ {
				for x := r.Min.X; x < r.Max.X; x++ {
					if v, _, _, _ := img.At(x, y).RGBA(); v < 0x8000 {
						n++
					}
				}
			}
			return n
		}
		left, right := inkIn(image.Rect(margin, 90, 340, 200)), inkIn(image.Rect(Width-340, 90, Width-margin, 200))
		if c.RTL != (right > left) || left+right == 0 {
			t.Errorf("%s: %d dark pixels of the title at the left, %d at the right", name, left, right)
		}
		if n := inkIn(image.Rect(24, 0, margin-24, Height)) + inkIn(image.Rect(Width-margin+24, 0, Width-24, Height)); n > 0 {
			t.Errorf("%s: %d dark pixels in the margins", name, n)
		}
	}
}

// Numbers and Latin names within Urdu run from the left and are in a face that has
// them; every letter has a glyph.
func TestShaping(t *testing.T) {
	all, err := fonts()
	if err != nil {
		t.Fatal(err)
	}
	arabic := font.NewFace(all[2])
	f := faces{font.NewFace(all[0]), arabic}
	p := &page{card: &urdu}
	seen := map[string]bool{}
	for _, line := range p.lines(urdu.Title+" "+urdu.Sentence, 30, 99, f) {
		for _, run := range line {
			text := []rune(urdu.Title + " " + urdu.Sentence)[run.Runes.Offset : run.Runes.Offset+run.Runes.Count]
			for _, g := range run.Glyphs {
				if g.GlyphID == 0 {
					t.Errorf("%q has a letter without a glyph", string(text))
				}
			}
			for _, r := range text {
				if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
					if run.Direction != di.DirectionLTR || run.Face != f.latin {
						t.Errorf("%q does not run from the left in the Latin face", string(text))
					}
					seen["latin"] = true
					break
				}
				if r >= 0x620 && r < 0x700 && r != '؟' && r != '،' && r != '۔' {
					if run.Direction != di.DirectionRTL || run.Face != arabic {
						t.Errorf("%q does not run from the right in Nastaliq", string(text))
					}
					seen["arabic"] = true
					break
				}
			}
		}
	}
	if !seen["latin"] || !seen["arabic"] {
		t.Errorf("seen are %v", seen)
	}
}

func BenchmarkPNG(b *testing.B) {
	for name, c := range map[string]Card{"ur": urdu, "en": english} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.PNG(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
