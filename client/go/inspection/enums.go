package inspection

import (
	"strconv"
	"strings"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Verdict is what a line does with the part.
type Verdict int32

// The verdicts. One that this client does not know is NoVerdict.
const (
	NoVerdict Verdict = Verdict(pb.Verdict_VERDICT_UNSPECIFIED) // the category is not calibrated, or with another object
	Pass      Verdict = Verdict(pb.Verdict_VERDICT_PASS)        // every rule is at or below its review line
	Review    Verdict = Verdict(pb.Verdict_VERDICT_REVIEW)      // some rule is above its review line: a person looks at it
	Fail      Verdict = Verdict(pb.Verdict_VERDICT_FAIL)        // some rule is above its fail line
)

// String is "PASS", "REVIEW", "FAIL", or "none".
func (v Verdict) String() string {
	if v == NoVerdict {
		return "none"
	}
	return nameOf(pb.Verdict_name, int32(v), "VERDICT_")
}

// Rule is a number of the result that lines are drawn on.
type Rule int32

// The rules. One that this client does not know is NoRule.
const (
	NoRule         Rule = Rule(pb.DecisionRule_DECISION_RULE_UNSPECIFIED) // of PASS, and without a verdict
	RuleScore      Rule = Rule(pb.DecisionRule_DECISION_RULE_SCORE)       // Result.Score
	RuleMapScore   Rule = Rule(pb.DecisionRule_DECISION_RULE_MAP_SCORE)   // Result.MapScore
	RuleRegionArea Rule = Rule(pb.DecisionRule_DECISION_RULE_REGION_AREA) // Result.LargestRegionFraction
)

// String is "SCORE", "MAP_SCORE", "REGION_AREA", or "none".
func (r Rule) String() string {
	if r == NoRule {
		return "none"
	}
	return nameOf(pb.DecisionRule_name, int32(r), "DECISION_RULE_")
}

// WarningReason is what a warning is about.
type WarningReason int32

// The reasons. A newer server's reason keeps its number.
const (
	WarningUnknown WarningReason = WarningReason(pb.WarningReason_WARNING_REASON_UNSPECIFIED)
	// ShallowSamples: 16-bit samples that fill 12 bits or less, so that the picture was seen almost black; see
	// [Image.SignificantBits].
	ShallowSamples WarningReason = WarningReason(pb.WarningReason_WARNING_REASON_SHALLOW_SAMPLES)
	// OtherOrientation: the picture's EXIF data turns it, and was applied where that of the good pictures, which the
	// category was calibrated with, was not; or the other way round. See [Image.ApplyOrientation].
	OtherOrientation WarningReason = WarningReason(pb.WarningReason_WARNING_REASON_OTHER_ORIENTATION)
)

// String is "SHALLOW_SAMPLES", "OTHER_ORIENTATION", or the number of a reason that is not known here.
func (r WarningReason) String() string {
	return nameOf(pb.WarningReason_name, int32(r), "WARNING_REASON_")
}

// ThresholdSource is who drew the lines.
type ThresholdSource int32

// The sources. One that this client does not know is SourceUnknown.
const (
	SourceUnknown  ThresholdSource = ThresholdSource(pb.ThresholdSource_THRESHOLD_SOURCE_UNSPECIFIED)
	SourceDefault  ThresholdSource = ThresholdSource(pb.ThresholdSource_THRESHOLD_SOURCE_DEFAULT)  // nobody
	SourcePackage  ThresholdSource = ThresholdSource(pb.ThresholdSource_THRESHOLD_SOURCE_PACKAGE)  // the model package: a mask threshold, no lines
	SourceCategory ThresholdSource = ThresholdSource(pb.ThresholdSource_THRESHOLD_SOURCE_CATEGORY) // the category's calibration
)

// String is "DEFAULT", "PACKAGE", "CATEGORY", or "none".
func (s ThresholdSource) String() string {
	if s == SourceUnknown {
		return "none"
	}
	return nameOf(pb.ThresholdSource_name, int32(s), "THRESHOLD_SOURCE_")
}

// Priority is who is served first: a frame counts as if it had arrived later.
type Priority int32

// The priorities.
const (
	PriorityUnset  Priority = Priority(pb.Priority_PRIORITY_UNSPECIFIED) // the same as PriorityNormal
	PriorityHigh   Priority = Priority(pb.Priority_PRIORITY_HIGH)        // as arrived
	PriorityNormal Priority = Priority(pb.Priority_PRIORITY_NORMAL)      // 1 s later
	PriorityLow    Priority = Priority(pb.Priority_PRIORITY_LOW)         // 5 s later; three quarters of the server's places
)

// MapEncoding is how a map travels; either way it arrives as a [Map].
type MapEncoding int32

// The encodings of maps.
const (
	MapUnset   MapEncoding = iota // no map, or of a frame: as its stream
	MapFloat32                    // exactly the values; 4 bytes a pixel
	MapPNG16                      // in steps of 1/65535
	MapPNG8                       // in steps of 1/255
	MapNone                       // no map of this frame, whatever its stream says
)

func (e MapEncoding) message() *pb.MapEncoding {
	switch e {
	case MapFloat32:
		return pb.MapEncoding_MAP_ENCODING_FLOAT32.Enum()
	case MapPNG16:
		return pb.MapEncoding_MAP_ENCODING_PNG16.Enum()
	case MapPNG8:
		return pb.MapEncoding_MAP_ENCODING_PNG8.Enum()
	case MapNone:
		return pb.MapEncoding_MAP_ENCODING_UNSPECIFIED.Enum()
	default:
		return nil
	}
}

// MaskEncoding is how a mask travels; either way it arrives as a [Mask].
type MaskEncoding int32

// The encodings of masks.
const (
	MaskUnset MaskEncoding = iota // MaskCOCO, or of a frame: as its stream
	MaskCOCO                      // run lengths as COCO compresses them
	MaskPNG1                      // 1-bit PNG
	MaskPNG8                      // 8-bit PNG
	MaskNone                      // no mask
)

func (e MaskEncoding) message(ofFrame bool) *pb.MaskEncoding {
	switch {
	case e == MaskPNG1:
		return pb.MaskEncoding_MASK_ENCODING_PNG1.Enum()
	case e == MaskPNG8:
		return pb.MaskEncoding_MASK_ENCODING_PNG8.Enum()
	case e == MaskNone:
		return pb.MaskEncoding_MASK_ENCODING_UNSPECIFIED.Enum()
	case e == MaskUnset && ofFrame:
		return nil
	default:
		return pb.MaskEncoding_MASK_ENCODING_COCO_RLE.Enum()
	}
}

// Resolution is the size of maps and masks.
type Resolution int32

// The sizes.
const (
	ResolutionUnset Resolution = iota // ResolutionFrame, or of a frame: as its stream
	ResolutionFrame                   // the picture's own
	ResolutionModel                   // the model's square input
)

func (r Resolution) message() *pb.MapResolution {
	switch r {
	case ResolutionFrame:
		return pb.MapResolution_MAP_RESOLUTION_FRAME.Enum()
	case ResolutionModel:
		return pb.MapResolution_MAP_RESOLUTION_MODEL.Enum()
	default:
		return nil
	}
}

// PictureEncoding is how the picture as inspected travels.
type PictureEncoding int32

// The encodings of pictures.
const (
	PictureUnset PictureEncoding = iota // no picture, or of a frame: as its stream
	PicturePNG                          // exactly the pixels that were inspected
	PictureJPEG                         // smaller, a little different
	PictureNone                         // no picture of this frame, whatever its stream says
)

func (e PictureEncoding) message() *pb.PictureEncoding {
	switch e {
	case PicturePNG:
		return pb.PictureEncoding_PICTURE_ENCODING_PNG.Enum()
	case PictureJPEG:
		return pb.PictureEncoding_PICTURE_ENCODING_JPEG.Enum()
	case PictureNone:
		return pb.PictureEncoding_PICTURE_ENCODING_UNSPECIFIED.Enum()
	default:
		return nil
	}
}

func nameOf(names map[int32]string, value int32, prefix string) string {
	if name, known := names[value]; known {
		return strings.TrimPrefix(name, prefix)
	}
	return strconv.Itoa(int(value))
}

// knownOr0 takes a value that this client does not know as the contract says: as its zero.
func knownOr0[T ~int32](names map[int32]string, value int32) T {
	if _, known := names[value]; known {
		return T(value)
	}
	return 0
}
