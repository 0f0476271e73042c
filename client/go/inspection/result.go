package inspection

import (
	"fmt"
	"time"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Result is what the server says of one picture.
type Result struct {
	FrameID     string
	CameraID    string
	PartID      string
	CaptureTime time.Time // zero: not told
	Attempts    int       // how often the frame was sent, >= 1

	Category   string  // as used: without white space around it
	Object     string  // the words of the prompt, as used
	Verdict    Verdict // what the line does with the part
	DecidedBy  Rule    // the rule that led to Verdict; NoRule for Pass and without a verdict
	Thresholds Thresholds

	Score      float32  // 0..1, of the picture as a whole
	ScoreStd   float32  // >= 0, deviation of Score over the samples
	MapScore   float32  // 0..1, mean of the hottest 0.75 % of the map
	MixedScore *float32 // the paper's image score; nil when the category's calibration has no ranges for it

	MaskAreaFraction      float64 // 0..1, share of the picture that the mask covers
	LargestRegionFraction float64 // 0..1, share of the largest region by the category's own mask threshold
	FrameWidth            int     // pixels of the picture
	FrameHeight           int     // pixels of the picture

	Mask         *Mask    // nil with MaskNone
	AnomalyMap   *Map     // 0..1; when asked for
	DeviationMap *Map     // >= 0; when asked for
	Regions      []Region // when asked for, the largest first
	RegionsTotal *int     // how many there are, sent or not; nil when not asked for
	Picture      *Picture // as it was inspected; when asked for

	Provenance Provenance
	Timings    []Timing  // in the order of the frame's way; the last is "total"
	Warnings   []Warning // what is most likely not meant; no number is another for it
}

// Thresholds are what a verdict is made with.
type Thresholds struct {
	Source            ThresholdSource
	Revision          string  // changes with every threshold; empty: none
	Mask              float32 // mask = map >= Mask, 0..1
	MinRegionFraction float64 // 0..1, share of the picture; smaller regions do not count
	Lines             []Line  // in the order in which they are named as the reason; empty: no verdict
}

// Line is where one rule's lines are. A value that is equal to a line is not above it.
type Line struct {
	Rule   Rule
	Review float32 // above it: Review at least; 0..1
	Fail   float32 // above it: Fail; 0..1
}

// Timing is how long one stage at the server took. What a batch shares is reported whole for each of its frames.
type Timing struct {
	Stage    string
	Duration time.Duration
}

// Warning is something about the picture that is most likely not meant.
type Warning struct {
	Reason  WarningReason
	Message string // for people
}

// Provenance is what the answer can be had again with.
type Provenance struct {
	ResultID           string // UUIDv7, unique and in the order of time; also in the server's result log
	Model              string // as requests call it
	ModelDigest        string // SHA-256 over the package's files, hexadecimal
	ComputationDigest  string // the same for packages that differ in names, version or calibration alone
	ModelVersion       string
	Precision          string // of the arithmetic: "fp32"
	Kernels            string // what computed
	Device             string // "cpu", "cuda:0"
	ServerVersion      string
	ThresholdsRevision string
	Seed               uint64 // used
	Samples            int    // used
	PictureSHA256      string // of the picture's bytes as they came, hexadecimal; the client has compared it
	RanAlone           bool   // the frame was the only one of its batch
}

// Point is a place of the picture in pixels of the frame, x to the right, y down: a pixel covers [x, x + 1) x [y, y + 1).
type Point struct{ X, Y float32 }

// Box is a rectangle in the coordinates of Point.
type Box struct{ X, Y, Width, Height float32 }

// Region is a connected part of the mask.
type Region struct {
	Box          Box     // the smallest around it
	AreaPixels   float64 // pixels of the frame
	AreaFraction float64 // 0..1, share of the picture
	Peak         float32 // 0..1, greatest value of the map inside
	Mean         float32 // 0..1, mean of the map inside
	Centroid     Point
	Contour      []Point // its outer boundary, clockwise as seen
}

// resultOf decodes a reply.
func resultOf(m *pb.InspectResponse) (*Result, error) {
	meta := m.GetMetadata()
	r := &Result{
		FrameID: meta.GetFrameId(), CameraID: meta.GetCameraId(), PartID: meta.GetPartId(),
		Attempts: int(meta.GetAttempt()) + 1,
		Category: m.GetCategory(), Object: m.GetObject(),
		Verdict:    knownOr0[Verdict](pb.Verdict_name, int32(m.GetVerdict())),
		DecidedBy:  knownOr0[Rule](pb.DecisionRule_name, int32(m.GetDecidedBy())),
		Thresholds: thresholdsOf(m.GetThresholds()),
		Score:      m.GetScore(), ScoreStd: m.GetScoreStd(), MapScore: m.GetMapScore(), MixedScore: m.MixedScore,
		MaskAreaFraction:      m.GetMaskAreaFraction(),
		LargestRegionFraction: m.GetLargestRegionFraction(),
		FrameWidth:            int(m.GetFrameWidth()), FrameHeight: int(m.GetFrameHeight()),
		Regions:    regionsOf(m.GetRegions()),
		Provenance: provenanceOf(m.GetProvenance()),
	}
	if taken := meta.GetCaptureTime(); taken != nil {
		r.CaptureTime = taken.AsTime()
	}
	if m.RegionsTotal != nil {
		r.RegionsTotal = Ptr(int(m.GetRegionsTotal()))
	}
	if m.GetInspectedPicture() != nil {
		r.Picture = &Picture{Data: m.GetInspectedPicture().GetData()}
	}
	for _, w := range m.GetWarnings() {
		r.Warnings = append(r.Warnings, Warning{WarningReason(w.GetReason()), w.GetMessage()})
	}
	for _, t := range m.GetTimings() {
		r.Timings = append(r.Timings, Timing{t.GetStage(), time.Duration(t.GetSeconds() * float64(time.Second))})
	}
	var err error
	if r.Mask, err = maskOf(m.GetMask()); err != nil {
		return nil, fmt.Errorf("the mask of the reply: %w", err)
	}
	if r.AnomalyMap, err = mapOf(m.GetAnomalyMap()); err != nil {
		return nil, fmt.Errorf("the anomaly map of the reply: %w", err)
	}
	if r.DeviationMap, err = mapOf(m.GetDeviationMap()); err != nil {
		return nil, fmt.Errorf("the deviation map of the reply: %w", err)
	}
	return r, nil
}

func thresholdsOf(m *pb.Thresholds) Thresholds {
	t := Thresholds{
		Source:   knownOr0[ThresholdSource](pb.ThresholdSource_name, int32(m.GetSource())),
		Revision: m.GetRevision(), Mask: m.GetMask(), MinRegionFraction: m.GetMinRegionFraction(),
	}
	for _, line := range m.GetLines() {
		rule := knownOr0[Rule](pb.DecisionRule_name, int32(line.GetRule()))
		t.Lines = append(t.Lines, Line{rule, line.GetReview(), line.GetFail()})
	}
	return t
}

func provenanceOf(m *pb.Provenance) Provenance {
	return Provenance{
		ResultID: m.GetResultId(), Model: m.GetModel(), ModelDigest: m.GetModelDigest(),
		ComputationDigest: m.GetComputationDigest(), ModelVersion: m.GetModelVersion(),
		Precision: m.GetPrecision(), Kernels: m.GetKernels(), Device: m.GetDevice(), ServerVersion: m.GetServerVersion(),
		ThresholdsRevision: m.GetThresholdsRevision(), Seed: m.GetSeed(), Samples: int(m.GetSamples()),
		PictureSHA256: m.GetPictureSha256(), RanAlone: m.GetRanAlone(),
	}
}

func regionsOf(messages []*pb.Region) []Region {
	var regions []Region
	for _, m := range messages {
		box := m.GetBox()
		region := Region{
			Box:        Box{box.GetX(), box.GetY(), box.GetWidth(), box.GetHeight()},
			AreaPixels: m.GetAreaPixels(), AreaFraction: m.GetAreaFraction(), Peak: m.GetPeak(), Mean: m.GetMean(),
			Centroid: Point{m.GetCentroid().GetX(), m.GetCentroid().GetY()},
		}
		for _, p := range m.GetContour() {
			region.Contour = append(region.Contour, Point{p.GetX(), p.GetY()})
		}
		regions = append(regions, region)
	}
	return regions
}
