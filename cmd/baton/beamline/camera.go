package beamline

import (
	"hash/fnv"
	"math"
)

// The camera looks along the beam at the crystal. Where something is in its picture is told in mm from the beam, h to the
// right and v up:
//
//	h = z + phiy - axis.phiy
//	v = (x + sampx)·cos omega + (y + sampy)·sin omega + phiz - axis.phiz
//
// with x, y, z the place of it on the pin: z along the rotation axis, x and y across.

// A Camera is equipment "camera": how much it sees, and where phiy and phiz are when the rotation axis is in the beam.
type Camera struct {
	WidthMM  float64 `json:"width_mm"`
	HeightMM float64 `json:"height_mm"`
	Axis     struct {
		Phiy float64 `json:"phiy"`
		Phiz float64 `json:"phiz"`
	} `json:"axis"`
}

// A Crystal is equipment "crystal": what is on the pin of the sample that is mounted. There is none without one.
type Crystal struct {
	Sample   string     `json:"sample"`
	Shape    string     `json:"shape"` // block, bipyramid, plate or rod
	SizeMM   [3]float64 `json:"size_mm"`
	CentreMM [3]float64 `json:"centre_mm"` // x, y, z on the pin
	TiltDeg  [2]float64 `json:"tilt_deg"`
}

func (b *Beamline) camera() Camera {
	var c Camera
	c.WidthMM = b.facts.Invented.CameraMM[b.zoom]
	c.HeightMM = c.WidthMM * 3 / 4
	for _, f := range b.facts.Motors {
		switch f.Name {
		case "phiy":
			c.Axis.Phiy = f.start()
		case "phiz":
			c.Axis.Phiz = f.start()
		}
	}
	return c
}

// crystalOf returns the crystal of a sample. It differs from sample to sample and is the same each time.
func (b *Beamline) crystalOf(sample string) Crystal {
	h := fnv.New64a()
	_, _ = h.Write([]byte(sample))
	seed := h.Sum64()
	// part returns some of the seed as a number from 0 to 1.
	part := func(n uint) float64 { return float64(seed>>(8*n)&0xff) / 255 }
	offset := func(n uint) float64 { return (part(n) - 0.5) * 0.4 } // ± 0.2 mm
	c := Crystal{
		Sample:   sample,
		CentreMM: [3]float64{round(offset(0)), round(offset(1)), round(offset(2))},
		TiltDeg:  [2]float64{math.Round(part(3) * 90), math.Round(part(4) * 60)},
	}
	size := 0.06 + 0.1*part(5)
	switch b.samples[sample].Protein {
	case "thaumatin", "glucose isomerase":
		c.Shape, c.SizeMM = "bipyramid", [3]float64{size, size, 1.5 * size}
	case "trypsin", "proteinase K":
		c.Shape, c.SizeMM = "rod", [3]float64{0.45 * size, 0.45 * size, 1.9 * size}
	case "ferritin":
		c.Shape, c.SizeMM = "plate", [3]float64{1.3 * size, 0.25 * size, 1.3 * size}
	default:
		c.Shape, c.SizeMM = "block", [3]float64{size, 0.9 * size, 1.1 * size}
	}
	for i, mm := range c.SizeMM {
		c.SizeMM[i] = round(mm)
	}
	return c
}

func round(mm float64) float64 { return math.Round(mm*10_000) / 10_000 }

// intoTheBeam returns where the motors have to be for a place on the pin to be in the beam, at any omega.
func (b *Beamline) intoTheBeam(place [3]float64) map[string]float64 {
	axis := b.camera().Axis
	return map[string]float64{
		"sampx": b.motors["sampx"].clamp(-place[0]), "sampy": b.motors["sampy"].clamp(-place[1]),
		"phiy": b.motors["phiy"].clamp(axis.Phiy - place[2]), "phiz": axis.Phiz,
	}
}

func (b *Beamline) showCamera() { b.showEquipment("camera", b.camera()) }

func (b *Beamline) showCrystal() {
	if b.changer.mounted == "" {
		b.showEquipment("crystal", nil)
		return
	}
	b.showEquipment("crystal", b.crystalOf(b.changer.mounted))
}
