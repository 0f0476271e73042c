package inspection

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Inspect returns what the server says of one picture. It sends the frame again where that is safe, within the frame's
// time. The error is an [*Error], and the result then nil.
func (c *Client) Inspect(ctx context.Context, frame Frame) (*Result, error) {
	parcel, failure := frame.pack(c.settings.timeout, false)
	if failure != nil {
		return nil, failure
	}
	var result *Result
	sent, failure := c.call(ctx, parcel.timeout, func(ctx context.Context, sent int, options ...grpc.CallOption) error {
		request := &pb.InspectRequest{Image: parcel.image, Metadata: parcel.labelled(sent), Options: parcel.options}
		if err := c.checkSize(ctx, proto.Size(request)); err != nil {
			return err
		}
		reply, err := c.stub.Inspect(ctx, request, options...)
		if err != nil {
			return err
		}
		if !parcel.answeredBy(reply.GetMetadata(), reply) {
			return damaged()
		}
		result, err = resultOf(reply)
		if err != nil {
			return undecodable(err)
		}
		return nil
	})
	if failure != nil {
		failure.FrameID = parcel.id
		return nil, failure
	}
	result.Attempts = sent
	return result, nil
}

// checkSize refuses a message over this side's limit, or the server's.
func (c *Client) checkSize(ctx context.Context, size int) error {
	if size > c.settings.maxMessageBytes {
		return tooLarge("the message", size, "this client's limit", c.settings.maxMessageBytes)
	}
	if failure := c.limits.check(ctx, size); failure != nil {
		return failure
	}
	return nil
}

// answeredBy says whether a reply is this frame's; result is nil where there is none.
func (p *parcel) answeredBy(metadata *pb.FrameMetadata, result *pb.InspectResponse) bool {
	if metadata.GetFrameId() != p.id {
		return false
	}
	return result == nil || result.GetProvenance().GetPictureSha256() == p.sha256
}

// undecodable is a reply whose mask or map cannot be read: something between damaged it, as with another picture's.
func undecodable(err error) *Error {
	return &Error{Code: codes.Unavailable, Message: err.Error(), cause: err}
}
