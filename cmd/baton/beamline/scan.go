package beamline

import (
	"fmt"
	"hash/fnv"
	"math"
)

// What the running collection measures is in the live store "scan": it is drawn while it is made, and is no record of
// the experiment; that is in the images. However many images there are, it is at most scanPoints points, in parts small
// enough to be sent again while they grow.
const (
	scanPoints = 720
	partPoints = 60
)

// A Scan is the key "scan" of the live store "scan": whose points are in the parts that have its id.
type Scan struct {
	ID     string `json:"id"`
	Item   string `json:"item"` // key of the queue entry
	Sample string `json:"sample"`
	Task   string `json:"task"`
	Images int    `json:"images"`
	Every  int    `json:"every"` // images that each point is the mean of
	State  string `json:"state"` // running, done or stopped
}

// A ScanPart is a key "part/<number>" of it: the points from number*60 on.
type ScanPart struct {
	ID         string    `json:"id"`
	Spots      []int     `json:"spots"`        // found on an image
	Resolution []float64 `json:"resolution_a"` // to which they go, in ångström
}

type scan struct {
	Scan
	part   int
	points ScanPart // of the part that grows
	before int      // images of the stages before this one
	taken  int
	sum    struct{ spots, resolution float64 } // of the point that grows
}

// beginScan begins the scan of the entry that runs, if it takes images.
func (b *Beamline) beginScan() {
	q := &b.queue
	images := 0
	for _, s := range q.stages {
		images += s.images
	}
	if images == 0 {
		b.scan = scan{}
		return
	}
	id := fmt.Sprintf("%s/%d", q.item, q.started.UnixMilli())
	b.scan = scan{Scan: Scan{
		ID: id, Item: q.item, Sample: q.entry.Sample, Task: q.entry.Task, Images: images,
		Every: (images + scanPoints - 1) / scanPoints, State: itemRunning,
	}, points: ScanPart{ID: id}}
	b.showScan("scan", b.scan.Scan)
}

// takeImages notes what the images of this stage show, up to so many.
func (b *Beamline) takeImages(upTo int) {
	s := &b.scan
	if s.State != itemRunning {
		return
	}
	shown := false
	for s.taken < s.before+upTo {
		spots, resolution := b.measure(s.taken)
		s.sum.spots += spots
		s.sum.resolution += resolution
		s.taken++
		if s.taken%s.Every == 0 || s.taken == s.Images {
			s.point()
			shown = true
			if len(s.points.Spots) == partPoints {
				b.showPart()
				s.part, s.points, shown = s.part+1, ScanPart{ID: s.ID}, false
			}
		}
	}
	if shown {
		b.showPart()
	}
}

// point ends the point that grows.
func (s *scan) point() {
	n := float64((s.taken-1)%s.Every + 1)
	s.points.Spots = append(s.points.Spots, int(math.Round(s.sum.spots/n)))
	s.points.Resolution = append(s.points.Resolution, math.Round(s.sum.resolution/n*100)/100)
	s.sum.spots, s.sum.resolution = 0, 0
}

// measure invents what is found on an image: more of a larger crystal with its broad side to the beam, less of one that
// is not in the beam, a little less as the beam damages it.
func (b *Beamline) measure(image int) (spots, resolution float64) {
	s := &b.scan
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d", s.Sample, image)
	noise := float64(h.Sum64()%1000)/1000 - 0.5
	crystal := b.crystalOf(s.Sample)
	omega := b.motors[omegaMotor].Position
	if turn := s.turn(b.queue.stages[b.queue.at]); turn != 0 {
		omega = b.queue.stages[b.queue.at].motors[omegaMotor] - turn*(1-float64(image-s.before)/float64(b.queue.stages[b.queue.at].images))
	}
	broad := 0.75 + 0.25*math.Cos(2*(omega-crystal.TiltDeg[0])*math.Pi/180)
	damage := 1 - 0.25*float64(image)/float64(s.Images)
	strength := broad * damage * b.inTheBeam(crystal) * crystal.SizeMM[2] / 0.12
	spots = max(0, 420*strength+60*noise)
	best := b.facts.resolution(b.motors[distanceMotor].Position, b.facts.energy())
	return spots, best + 0.5/math.Max(0.1, strength) - 0.4 + 0.08*noise
}

// turn returns by how much a stage turns the crystal while it takes images.
func (s *scan) turn(stage stage) float64 {
	if stage.images == 0 {
		return 0
	}
	return stage.speed * stage.takes.Seconds()
}

// inTheBeam returns how much of the crystal is in the beam, from 0 to 1, as the motors are.
func (b *Beamline) inTheBeam(c Crystal) float64 {
	var far float64
	for name, target := range b.intoTheBeam(c.CentreMM) {
		far += math.Pow(b.motors[name].Position-target, 2)
	}
	reach := c.SizeMM[0]/2 + float64(b.aperture)/2000
	return math.Exp(-far / (reach * reach))
}

// endScan says how the scan has ended.
func (b *Beamline) endScan(state string) {
	if b.scan.State != itemRunning {
		return
	}
	b.scan.State = state
	b.showScan("scan", b.scan.Scan)
}

func (b *Beamline) showPart() {
	s := &b.scan
	part := s.points
	part.Spots = append([]int(nil), part.Spots...)
	part.Resolution = append([]float64(nil), part.Resolution...)
	b.showScan(fmt.Sprintf("part/%02d", s.part), part)
}

func (b *Beamline) showScan(key string, value any) {
	if b.out.Scan == nil {
		b.out.Scan = map[string]any{}
	}
	b.out.Scan[key] = value
}
