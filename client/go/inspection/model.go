package inspection

import (
	"context"

	"google.golang.org/grpc"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Model is a model that serves.
type Model struct {
	Name              string // as Options.Model calls it
	Default           bool   // answers the frames that name none
	PackageName       string
	Version           string // configured version + the digest's first 12 digits
	Digest            string // SHA-256 over the package's files, hexadecimal
	ComputationDigest string // the same for packages that differ in names, version or calibration alone
	Kind              string // what computes it: "bayes-pfl"
	Device            string // "cpu", "cuda:0"
	Precision         string // "fp32"
	Kernels           string // what computed
	Stage             int    // 1 or 2: the image head that gives the score
	ImageSize         int    // side of the model's square input, pixels
	DefaultSamples    int    // draws when neither the frame nor the category says
	MaxSamples        int    // the most that a frame may ask for
	MapSmoothingSigma float32
	IADSampling       string     // "request" or "first"
	DefaultThresholds Thresholds // of a category without a calibration
	Categories        []CalibratedCategory
	CategoriesTotal   int // also where Categories is left out
}

// CalibratedCategory is a product that the model has lines for.
type CalibratedCategory struct {
	Category     string
	Object       string // the words of its prompt, and the default of its frames
	Thresholds   Thresholds
	Seed         uint64   // default of its frames
	Samples      int      // default of its frames
	GoodPictures int      // how many the lines were made from
	FailRate     float64  // 0..1: of good parts, at most this share gets Fail
	ReviewRate   float64  // 0..1: of good parts, at most this share gets Review or Fail
	Confidence   *float64 // with this probability over the choice of the pictures; nil: on average over it

	SignificantBits  int  // of the 16-bit pictures it was calibrated with; its frames need the same; 0: none were said
	ApplyOrientation bool // whether these were turned upright as their EXIF data said; its frames need the same
}

// Models lists the models that serve, by name, without their categories.
func (c *Client) Models(ctx context.Context) ([]Model, error) {
	var reply *pb.ListModelsResponse
	_, failure := c.call(ctx, c.settings.timeout, func(ctx context.Context, _ int, options ...grpc.CallOption) (err error) {
		reply, err = c.stub.ListModels(ctx, &pb.ListModelsRequest{}, options...)
		return err
	})
	if failure != nil {
		return nil, failure
	}
	models := make([]Model, 0, len(reply.GetModels()))
	for _, m := range reply.GetModels() {
		models = append(models, modelOf(m))
	}
	return models, nil
}

// Model describes one model with its categories; an empty name is the default one's.
func (c *Client) Model(ctx context.Context, name string) (*Model, error) {
	if err := checkText("name", name); err != nil {
		return nil, err
	}
	var reply *pb.GetModelResponse
	_, failure := c.call(ctx, c.settings.timeout, func(ctx context.Context, _ int, options ...grpc.CallOption) (err error) {
		reply, err = c.stub.GetModel(ctx, &pb.GetModelRequest{Name: name}, options...)
		return err
	})
	if failure != nil {
		return nil, failure
	}
	model := modelOf(reply.GetModel())
	return &model, nil
}

func modelOf(m *pb.Model) Model {
	model := Model{
		Name: m.GetName(), Default: m.GetIsDefault(), PackageName: m.GetPackageName(), Version: m.GetVersion(),
		Digest: m.GetDigest(), ComputationDigest: m.GetComputationDigest(), Kind: m.GetKind(), Device: m.GetDevice(), Precision: m.GetPrecision(), Kernels: m.GetKernels(),
		Stage: int(m.GetStage()), ImageSize: int(m.GetImageSize()), DefaultSamples: int(m.GetDefaultSamples()),
		MaxSamples: int(m.GetMaxSamples()), MapSmoothingSigma: m.GetMapSmoothingSigma(), IADSampling: m.GetIadSampling(),
		DefaultThresholds: thresholdsOf(m.GetDefaultThresholds()), CategoriesTotal: int(m.GetCategoriesTotal()),
	}
	for _, category := range m.GetCategories() {
		model.Categories = append(model.Categories, CalibratedCategory{
			Category: category.GetCategory(), Object: category.GetObject(), Thresholds: thresholdsOf(category.GetThresholds()),
			Seed: category.GetSeed(), Samples: int(category.GetSamples()), GoodPictures: int(category.GetGoodPictures()),
			FailRate: category.GetFailRate(), ReviewRate: category.GetReviewRate(), Confidence: category.Confidence,
			SignificantBits: int(category.GetSignificantBits()), ApplyOrientation: category.GetApplyOrientation(),
		})
	}
	return model
}
