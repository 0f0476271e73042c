package inspection

import (
	"testing"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

func TestWarningsComeWithTheResult(t *testing.T) {
	result, err := resultOf(&pb.InspectResponse{Warnings: []*pb.PictureWarning{
		{Reason: pb.WarningReason_WARNING_REASON_SHALLOW_SAMPLES, Message: "dark"},
		{Reason: 77},
		{Reason: pb.WarningReason_WARNING_REASON_OTHER_ORIENTATION},
	}})
	if err != nil || len(result.Warnings) != 3 || result.Warnings[0] != (Warning{ShallowSamples, "dark"}) {
		t.Fatalf("%+v, %v", result, err)
	}
	if first, newer := result.Warnings[0].Reason.String(), result.Warnings[1].Reason.String(); first != "SHALLOW_SAMPLES" || newer != "77" {
		t.Errorf("%s, %s", first, newer)
	}
	if turned := result.Warnings[2].Reason; turned != OtherOrientation || turned.String() != "OTHER_ORIENTATION" {
		t.Errorf("%s", turned)
	}
}

func TestACategorySaysHowItsPicturesWereRead(t *testing.T) {
	model := modelOf(&pb.Model{Categories: []*pb.CalibratedCategory{{SignificantBits: 12, ApplyOrientation: true}, {}}})
	if told := model.Categories[0]; told.SignificantBits != 12 || !told.ApplyOrientation {
		t.Errorf("%+v", told)
	}
	if told := model.Categories[1]; told.SignificantBits != 0 || told.ApplyOrientation {
		t.Errorf("%+v", told)
	}
}
