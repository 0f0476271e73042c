package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"bayespfl.dev/client/go/inspection"
)

type printer struct {
	out     *bufio.Writer
	encoder *json.Encoder
}

type errorLine struct {
	Code       int      `json:"code"`
	Reason     string   `json:"reason"`
	Message    string   `json:"message"`
	RetryDelay *float64 `json:"retry_delay_s"`
	Violations []string `json:"violations"`
}

type failedLine struct {
	FrameID  string     `json:"frame_id"`
	Attempts int        `json:"attempts"`
	OK       bool       `json:"ok"`
	Skipped  bool       `json:"skipped"`
	Error    *errorLine `json:"error"`
}

type pixelsLine struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Area   *int   `json:"area_pixels,omitempty"`
	SHA256 string `json:"sha256"`
}

type regionLine struct {
	Box           [4]string `json:"box"`
	AreaPixels    string    `json:"area_pixels"`
	Peak          string    `json:"peak"`
	Mean          string    `json:"mean"`
	Centroid      [2]string `json:"centroid"`
	ContourPoints int       `json:"contour_points"`
}

type resultLine struct {
	FrameID               string       `json:"frame_id"`
	Attempts              int          `json:"attempts"`
	OK                    bool         `json:"ok"`
	Verdict               string       `json:"verdict"`
	DecidedBy             string       `json:"decided_by"`
	Category              string       `json:"category"`
	Object                string       `json:"object"`
	Score                 string       `json:"score"`
	ScoreStd              string       `json:"score_std"`
	MapScore              string       `json:"map_score"`
	MixedScore            *string      `json:"mixed_score"`
	MaskAreaFraction      string       `json:"mask_area_fraction"`
	LargestRegionFraction string       `json:"largest_region_fraction"`
	FrameWidth            int          `json:"frame_width"`
	FrameHeight           int          `json:"frame_height"`
	Mask                  *pixelsLine  `json:"mask"`
	AnomalyMap            *pixelsLine  `json:"anomaly_map"`
	DeviationMap          *pixelsLine  `json:"deviation_map"`
	Regions               []regionLine `json:"regions"`
	RegionsTotal          *int         `json:"regions_total"`
	InspectedPicture      *string      `json:"inspected_picture_sha256"`
	Seed                  uint64       `json:"seed"`
	Samples               int          `json:"samples"`
	ResultID              string       `json:"result_id"`
	PictureSHA256         string       `json:"picture_sha256"`
}

// frame writes one outcome's line; attempts is for an error that does not know them.
func (p printer) frame(id string, result *inspection.Result, err error, attempts ...int) error {
	if err == nil {
		return p.line(resultOf(result))
	}
	line := failedLine{FrameID: id, Skipped: errors.Is(err, inspection.ErrSkipped)}
	if !line.Skipped {
		line.Error = errorOf(err)
	}
	var failure *inspection.Error
	if errors.As(err, &failure) {
		line.Attempts = failure.Attempts
	}
	if len(attempts) > 0 {
		line.Attempts = attempts[0]
	}
	return p.line(line)
}

func (p printer) end(err error) error {
	var end struct {
		End *errorLine `json:"end"`
	}
	if err != nil {
		end.End = errorOf(err)
	}
	return p.line(end)
}

func (p printer) line(value any) error {
	if err := p.encoder.Encode(value); err != nil {
		return err
	}
	return p.out.Flush()
}

func errorOf(err error) *errorLine {
	var failure *inspection.Error
	if !errors.As(err, &failure) { // of Dial: what it was told cannot be
		return &errorLine{Code: 3, Message: err.Error(), Violations: []string{}}
	}
	line := &errorLine{
		Code: int(failure.Code), Reason: failure.Reason.String(), Message: failure.Message, Violations: []string{},
	}
	if failure.RetryAfter > 0 {
		delay := failure.RetryAfter.Seconds()
		line.RetryDelay = &delay
	}
	for _, v := range failure.Violations {
		line.Violations = append(line.Violations, v.Field)
	}
	return line
}

func resultOf(r *inspection.Result) resultLine {
	line := resultLine{
		FrameID: r.FrameID, Attempts: r.Attempts, OK: true,
		Verdict: wordOf(r.Verdict), DecidedBy: wordOf(r.DecidedBy), Category: r.Category, Object: r.Object,
		Score: single(r.Score), ScoreStd: single(r.ScoreStd), MapScore: single(r.MapScore),
		MaskAreaFraction: double(r.MaskAreaFraction), LargestRegionFraction: double(r.LargestRegionFraction),
		FrameWidth: r.FrameWidth, FrameHeight: r.FrameHeight,
		AnomalyMap: mapOf(r.AnomalyMap), DeviationMap: mapOf(r.DeviationMap),
		Regions: []regionLine{}, RegionsTotal: r.RegionsTotal,
		Seed: r.Provenance.Seed, Samples: r.Provenance.Samples, ResultID: r.Provenance.ResultID,
		PictureSHA256: r.Provenance.PictureSHA256,
	}
	if r.MixedScore != nil {
		bits := single(*r.MixedScore)
		line.MixedScore = &bits
	}
	if r.Mask != nil {
		line.Mask = &pixelsLine{Width: r.Mask.Width, Height: r.Mask.Height, Area: &r.Mask.Area, SHA256: digest(r.Mask.Pix)}
	}
	if r.Picture != nil {
		sum := digest(r.Picture.Data)
		line.InspectedPicture = &sum
	}
	for _, region := range r.Regions {
		box := region.Box
		line.Regions = append(line.Regions, regionLine{
			Box:        [4]string{single(box.X), single(box.Y), single(box.Width), single(box.Height)},
			AreaPixels: double(region.AreaPixels), Peak: single(region.Peak), Mean: single(region.Mean),
			Centroid:      [2]string{single(region.Centroid.X), single(region.Centroid.Y)},
			ContourPoints: len(region.Contour),
		})
	}
	return line
}

// wordOf is empty for the zero of an enumeration.
func wordOf[T interface {
	comparable
	fmt.Stringer
}](value T) string {
	var zero T
	if value == zero {
		return ""
	}
	return value.String()
}

func mapOf(m *inspection.Map) *pixelsLine {
	if m == nil {
		return nil
	}
	bytes := make([]byte, 0, 4*len(m.Values))
	for _, value := range m.Values {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(value))
	}
	return &pixelsLine{Width: m.Width, Height: m.Height, SHA256: digest(bytes)}
}

func single(value float32) string { return fmt.Sprintf("%08x", math.Float32bits(value)) }
func double(value float64) string { return fmt.Sprintf("%016x", math.Float64bits(value)) }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
