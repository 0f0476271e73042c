package inspection

import (
	"testing"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

func TestWarningsComeWithTheResult(t *testing.T) {
	result, err := resultOf(&pb.InspectResponse{Warnings: []*pb.PictureWarning{
		{Reason: pb.WarningReason_WARNING_REASON_SHALLOW_SAMPLES, Message: "dark"},
		{Reason: 77},
	}})
	if err != nil || len(result.Warnings) != 2 || result.Warnings[0] != (Warning{ShallowSamples, "dark"}) {
		t.Fatalf("%+v, %v", result, err)
	}
	if first, newer := result.Warnings[0].Reason.String(), result.Warnings[1].Reason.String(); first != "SHALLOW_SAMPLES" || newer != "77" {
		t.Errorf("%s, %s", first, newer)
	}
}
