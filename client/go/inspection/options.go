package inspection

import (
	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Options say what a picture is looked at for, and what to send back. Verdict, scores, provenance and the mask always
// come; everything else only when asked for. The zero value of a field means that it is not set: the server's default,
// or on a stream what the stream's options say, which a frame's options override field by field.
type Options struct {
	// The product's id as the plant writes it, "PCB-4711 rev C": the verdict's lines hang on it. At most 256 bytes of
	// UTF-8. Required, of the frame or of its stream.
	Category string
	// What the picture shows, in words, for the model's prompt: "printed circuit board". At most 256 bytes of UTF-8.
	// Empty: the words that the category was calibrated with, else the category itself.
	Object string
	// Which of the server's models; empty: its default one.
	Model string
	// Draws of the prompt distributions, 1..64. 0: as the category was calibrated, else the model's default.
	Samples int
	// Key of the draws; see Ptr. Nil: the category's, else 0, so that the same picture gets the same answer again.
	Seed *uint64
	// The server draws a seed for the frame, and returns it. Not together with Seed.
	RandomSeed bool
	// Send the anomaly map.
	AnomalyMap MapEncoding
	// Send the deviation of the map over the samples.
	DeviationMap MapEncoding
	// How the mask is sent; it is decoded the same way. Unset: MaskCOCO, the smallest.
	Mask MaskEncoding
	// Size of maps and mask.
	Resolution Resolution
	// mask = map >= threshold, 0..1; see Ptr. Nil: the category's, else the model's. The verdict does not hang on it.
	MaskThreshold *float32
	// Send the regions of the mask. Nil: no.
	Regions *RegionOptions
	// Send the picture as it was inspected: what [Result.Overlay] draws on.
	Picture PictureEncoding
	// Who is served first while frames wait.
	Priority Priority
}

// RegionOptions say which regions of the mask to send.
type RegionOptions struct {
	Max              int  // at most so many, the largest first, 1..1000; 0: 100
	MaxContourPoints int  // at most so many points a contour, 4..1000; 0: 64
	CountOnly        bool // none, but Result.RegionsTotal
}

// Ptr returns a pointer to v, for the fields of [Options] that are pointers.
func Ptr[T any](v T) *T { return &v }

// message is nil-free. On a frame of a stream, a mask that is not set is the stream's (ofFrame).
func (o Options) message(ofFrame bool) (*pb.InspectOptions, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	m := &pb.InspectOptions{
		MaskThreshold: o.MaskThreshold,
		Category:      unlessEmpty(o.Category),
		Object:        unlessEmpty(o.Object),
		Model:         unlessEmpty(o.Model),
		AnomalyMap:    o.AnomalyMap.message(),
		DeviationMap:  o.DeviationMap.message(),
		Mask:          o.Mask.message(ofFrame),
		Resolution:    o.Resolution.message(),
	}
	if o.Samples != 0 {
		m.Samples = Ptr(uint32(o.Samples))
	}
	if o.Seed != nil {
		m.Draws = &pb.InspectOptions_Seed{Seed: *o.Seed}
	} else if o.RandomSeed {
		m.Draws = &pb.InspectOptions_RandomSeed{RandomSeed: true}
	}
	if o.Regions != nil {
		m.Regions = o.Regions.message()
	}
	m.InspectedPicture = o.Picture.message()
	if o.Priority != PriorityUnset {
		m.Priority = pb.Priority(o.Priority).Enum()
	}
	return m, nil
}

func (r *RegionOptions) message() *pb.RegionOptions {
	m := &pb.RegionOptions{}
	if r.Max != 0 {
		m.MaxRegions = Ptr(uint32(r.Max))
	}
	if r.CountOnly {
		m.MaxRegions = Ptr(uint32(0))
	}
	if r.MaxContourPoints != 0 {
		m.MaxContourPoints = Ptr(uint32(r.MaxContourPoints))
	}
	return m
}

// check refuses what cannot be said in a message at all; the server checks the rest, and knows its limits better.
func (o Options) check() error {
	for _, text := range []struct{ field, value string }{
		{"options.category", o.Category}, {"options.object", o.Object}, {"options.model", o.Model},
	} {
		if err := checkText(text.field, text.value); err != nil {
			return err
		}
	}
	if o.Seed != nil && o.RandomSeed {
		return invalid("options.seed", "a seed and a random one are asked for; only one of them can be")
	}
	numbers := []struct {
		field string
		value int
	}{{"options.samples", o.Samples}}
	if o.Regions != nil {
		numbers = append(numbers, []struct {
			field string
			value int
		}{
			{"options.regions.max_regions", o.Regions.Max},
			{"options.regions.max_contour_points", o.Regions.MaxContourPoints},
		}...)
	}
	for _, n := range numbers {
		if n.value < 0 || int64(n.value) > 1<<31-1 {
			return invalid(n.field, "is %d; it must not be negative", n.value)
		}
	}
	return nil
}

func unlessEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
