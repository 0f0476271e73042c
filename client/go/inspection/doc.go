// Package inspection talks to a Bayes-PFL inspection server: a picture and a category in, a verdict, scores and a mask
// of where the defect is out.
//
//	client, err := inspection.Dial("127.0.0.1:50051")
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	result, err := client.Inspect(ctx, inspection.Frame{
//		Image:   inspection.File("part.jpg"),
//		Options: inspection.Options{Category: "leather"},
//	})
//
// A [Client] holds connections and is made once for a process. [Client.Inspect] is for single pictures, [Client.Stream]
// for cameras. Both send a frame again where that is safe, over a new connection if need be, and give one outcome for
// each frame. Every error that the server or the connection is the cause of is an [*Error].
package inspection
