package main

import (
	"fmt"
	"os"
	"time"

	"bayespfl.dev/client/go/inspection"
)

type job struct {
	Target string     `json:"target"`
	Mode   string     `json:"mode"`
	Client clientJob  `json:"client"`
	Stream streamJob  `json:"stream"`
	Frames []frameJob `json:"frames"`
}

// Pointers tell what is left out, and then is the client's own default.
type clientJob struct {
	TimeoutS        *float64 `json:"timeout_s"`
	ConnectTimeoutS *float64 `json:"connect_timeout_s"`
	WaitForReady    bool     `json:"wait_for_ready"`
	KeepaliveS      *float64 `json:"keepalive_s"`
	MaxMessageBytes *int     `json:"max_message_bytes"`
	MaxReplyBytes   *int     `json:"max_reply_bytes"`
	Token           string   `json:"token"`
	TLSCA           string   `json:"tls_ca"`
	TLSCert         string   `json:"tls_cert"`
	TLSKey          string   `json:"tls_key"`
	TLSServerName   string   `json:"tls_server_name"`
	DNSMinIntervalS *float64 `json:"dns_min_interval_s"`
}

type streamJob struct {
	MaxInFlight int     `json:"max_in_flight"`
	Latest      bool    `json:"latest"`
	IntervalS   float64 `json:"interval_s"`
}

type frameJob struct {
	Image    string     `json:"image"`
	Raw      *rawJob    `json:"raw"`
	FrameID  string     `json:"frame_id"`
	Category string     `json:"category"`
	Options  optionsJob `json:"options"`
	Repeat   int        `json:"repeat"`
}

type rawJob struct {
	Path             string `json:"path"`
	Width            int    `json:"width"`
	Height           int    `json:"height"`
	Stride           int    `json:"stride"`
	PixelFormat      string `json:"pixel_format"`
	SignificantBits  int    `json:"significant_bits"`
	MaxTrailingBytes int    `json:"max_trailing_bytes"`
}

type optionsJob struct {
	Object           string   `json:"object"`
	Model            string   `json:"model"`
	Samples          int      `json:"samples"`
	Seed             *uint64  `json:"seed"`
	RandomSeed       bool     `json:"random_seed"`
	AnomalyMap       string   `json:"anomaly_map"`
	DeviationMap     string   `json:"deviation_map"`
	Mask             string   `json:"mask"`
	Resolution       string   `json:"resolution"`
	MaskThreshold    *float32 `json:"mask_threshold"`
	MaxRegions       *int     `json:"max_regions"`
	MaxContourPoints *int     `json:"max_contour_points"`
	InspectedPicture string   `json:"inspected_picture"`
	Priority         string   `json:"priority"`
}

func (c clientJob) options() []inspection.Option {
	var options []inspection.Option
	if c.TimeoutS != nil {
		options = append(options, inspection.WithTimeout(seconds(*c.TimeoutS)))
	}
	if c.ConnectTimeoutS != nil {
		options = append(options, inspection.WithConnectTimeout(seconds(*c.ConnectTimeoutS)))
	}
	if c.WaitForReady {
		options = append(options, inspection.WithWaitForReady())
	}
	if c.KeepaliveS != nil {
		options = append(options, inspection.WithKeepalive(seconds(*c.KeepaliveS), 5*time.Second))
	}
	if c.MaxMessageBytes != nil {
		options = append(options, inspection.WithMaxMessageBytes(*c.MaxMessageBytes))
	}
	if c.MaxReplyBytes != nil {
		options = append(options, inspection.WithMaxReplyBytes(*c.MaxReplyBytes))
	}
	if c.Token != "" {
		options = append(options, inspection.WithToken(c.Token))
	}
	if c.TLSCA != "" || c.TLSCert != "" || c.TLSKey != "" || c.TLSServerName != "" {
		options = append(options, inspection.WithTLS(inspection.TLS{
			CAFile: c.TLSCA, CertFile: c.TLSCert, KeyFile: c.TLSKey, ServerName: c.TLSServerName,
		}))
	}
	if c.DNSMinIntervalS != nil {
		setDNSInterval(*c.DNSMinIntervalS)
	}
	return options
}

// frames are those of the job, each as often as it says.
func (j job) frames() ([]inspection.Frame, error) {
	var frames []inspection.Frame
	for _, f := range j.Frames {
		frame, err := f.frame()
		if err != nil {
			return nil, err
		}
		if f.Repeat == 0 {
			frames = append(frames, frame)
		}
		for i := range f.Repeat {
			frame.FrameID = fmt.Sprintf("%s-%d", f.FrameID, i)
			frames = append(frames, frame)
		}
	}
	return frames, nil
}

func (f frameJob) frame() (inspection.Frame, error) {
	options, err := f.Options.options()
	if err != nil {
		return inspection.Frame{}, err
	}
	options.Category = f.Category
	frame := inspection.Frame{FrameID: f.FrameID, Options: options}
	switch {
	case f.Raw != nil:
		frame.Image, err = f.Raw.image()
	case f.Image != "":
		frame.Image = inspection.File(f.Image)
	}
	return frame, err
}

func (r rawJob) image() (inspection.Image, error) {
	data, err := os.ReadFile(r.Path)
	if err != nil {
		return inspection.Image{}, err
	}
	format, err := inspection.ParsePixelFormat(r.PixelFormat)
	if err != nil {
		return inspection.Image{}, err
	}
	image := inspection.Raw(inspection.RawImage{
		Data: data, Width: r.Width, Height: r.Height, Stride: r.Stride, Format: format,
		MaxTrailingBytes: r.MaxTrailingBytes,
	})
	return image.SignificantBits(r.SignificantBits), nil
}

func (o optionsJob) options() (inspection.Options, error) {
	options := inspection.Options{
		Object: o.Object, Model: o.Model, Samples: o.Samples, Seed: o.Seed, RandomSeed: o.RandomSeed,
		MaskThreshold: o.MaskThreshold,
	}
	maps := map[string]inspection.MapEncoding{
		"": inspection.MapUnset, "png8": inspection.MapPNG8, "png16": inspection.MapPNG16, "float32": inspection.MapFloat32,
	}
	masks := map[string]inspection.MaskEncoding{
		"": inspection.MaskUnset, "png8": inspection.MaskPNG8, "png1": inspection.MaskPNG1, "coco_rle": inspection.MaskCOCO,
	}
	resolutions := map[string]inspection.Resolution{
		"": inspection.ResolutionUnset, "frame": inspection.ResolutionFrame, "model": inspection.ResolutionModel,
	}
	pictures := map[string]inspection.PictureEncoding{
		"": inspection.PictureUnset, "png": inspection.PicturePNG, "jpeg": inspection.PictureJPEG,
	}
	priorities := map[string]inspection.Priority{
		"": inspection.PriorityUnset, "high": inspection.PriorityHigh, "normal": inspection.PriorityNormal,
		"low": inspection.PriorityLow,
	}
	for _, err := range []error{
		look(maps, o.AnomalyMap, &options.AnomalyMap), look(maps, o.DeviationMap, &options.DeviationMap),
		look(masks, o.Mask, &options.Mask), look(resolutions, o.Resolution, &options.Resolution),
		look(pictures, o.InspectedPicture, &options.Picture), look(priorities, o.Priority, &options.Priority),
	} {
		if err != nil {
			return options, err
		}
	}
	if o.MaxRegions != nil || o.MaxContourPoints != nil {
		options.Regions = &inspection.RegionOptions{}
	}
	if o.MaxRegions != nil {
		options.Regions.Max = *o.MaxRegions
		options.Regions.CountOnly = *o.MaxRegions == 0
	}
	if o.MaxContourPoints != nil {
		options.Regions.MaxContourPoints = *o.MaxContourPoints
	}
	return options, nil
}

func look[T any](names map[string]T, name string, value *T) error {
	found, known := names[name]
	if !known {
		return fmt.Errorf("the job has %q where one of %d known words must be", name, len(names))
	}
	*value = found
	return nil
}
