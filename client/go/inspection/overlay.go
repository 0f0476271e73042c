package inspection

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"math"
)

// mostOpaque is how much of the map's colour there is where the map is 1.
const mostOpaque = 0.7

// Overlay draws on the picture as inspected where the defect is: the anomaly map's colours when the result has the map,
// the more opaque the higher it is, else the mask, tinted; and the mask's outline, white beside black. The result must
// have the picture ([Options.Picture]), and a mask or a map.
func (r *Result) Overlay() (*image.RGBA, error) {
	if r.Picture == nil {
		return nil, errors.New("inspection: no overlay, because the result has no picture: ask for it with Options.Picture")
	}
	if r.Mask == nil && r.AnomalyMap == nil {
		return nil, errors.New("inspection: no overlay, because the result has neither a mask nor an anomaly map")
	}
	picture, err := r.Picture.Decode()
	if err != nil {
		return nil, err
	}
	canvas := image.NewRGBA(image.Rect(0, 0, picture.Bounds().Dx(), picture.Bounds().Dy()))
	draw.Draw(canvas, canvas.Bounds(), picture, picture.Bounds().Min, draw.Src)
	if r.AnomalyMap != nil {
		draw.Draw(canvas, canvas.Bounds(), heat{r.AnomalyMap, canvas.Bounds()}, image.Point{}, draw.Over)
	} else {
		tint := image.NewUniform(color.NRGBA{R: 255, G: 48, B: 32, A: 96})
		draw.DrawMask(canvas, canvas.Bounds(), tint, image.Point{}, stretched{r.Mask, canvas.Bounds()}, image.Point{}, draw.Over)
	}
	if r.Mask != nil {
		outline(canvas, stretched{r.Mask, canvas.Bounds()})
	}
	return canvas, nil
}

// stretched is a mask at a picture's size.
type stretched struct {
	mask *Mask
	size image.Rectangle
}

func (s stretched) ColorModel() color.Model { return color.AlphaModel }
func (s stretched) Bounds() image.Rectangle { return s.size }
func (s stretched) At(x, y int) color.Color {
	if s.inside(x, y) {
		return color.Alpha{A: 255}
	}
	return color.Alpha{}
}

func (s stretched) inside(x, y int) bool {
	if !(image.Point{X: x, Y: y}).In(s.size) {
		return false
	}
	return s.mask.At(x*s.mask.Width/s.size.Dx(), y*s.mask.Height/s.size.Dy())
}

// outline marks the pixels of the mask that have a neighbour outside in white, and those neighbours in black.
func outline(canvas *image.RGBA, mask stretched) {
	for y := mask.size.Min.Y; y < mask.size.Max.Y; y++ {
		for x := mask.size.Min.X; x < mask.size.Max.X; x++ {
			here := mask.inside(x, y)
			if mask.inside(x-1, y) == here && mask.inside(x+1, y) == here &&
				mask.inside(x, y-1) == here && mask.inside(x, y+1) == here {
				continue
			}
			if here {
				canvas.SetRGBA(x, y, color.RGBA{R: 255, G: 255, B: 255, A: 255})
			} else {
				canvas.SetRGBA(x, y, color.RGBA{A: 255})
			}
		}
	}
}

// heat is an anomaly map's colours at a picture's size.
type heat struct {
	values *Map
	size   image.Rectangle
}

func (h heat) ColorModel() color.Model { return color.NRGBAModel }
func (h heat) Bounds() image.Rectangle { return h.size }
func (h heat) At(x, y int) color.Color {
	value := float64(h.values.At(x*h.values.Width/h.size.Dx(), y*h.values.Height/h.size.Dy()))
	if math.IsNaN(value) {
		value = 1
	}
	value = min(max(value, 0), 1)
	c := inferno(value)
	c.A = uint8(math.Round(255 * mostOpaque * value))
	return c
}

// infernoStops are equally spaced colours of matplotlib's inferno: perceptually even, growing in lightness, and readable
// with every kind of colour blindness.
var infernoStops = [...]color.NRGBA{
	{R: 0, G: 0, B: 4}, {R: 31, G: 12, B: 72}, {R: 85, G: 15, B: 109}, {R: 136, G: 34, B: 106}, {R: 186, G: 54, B: 85},
	{R: 227, G: 89, B: 51}, {R: 249, G: 140, B: 10}, {R: 249, G: 201, B: 50}, {R: 252, G: 255, B: 164},
}

// inferno is the colour of a value, 0..1.
func inferno(value float64) color.NRGBA {
	place := value * float64(len(infernoStops)-1)
	i := min(int(place), len(infernoStops)-2)
	part := place - float64(i)
	low, high := infernoStops[i], infernoStops[i+1]
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + part*(float64(b)-float64(a)))) }
	return color.NRGBA{R: mix(low.R, high.R), G: mix(low.G, high.G), B: mix(low.B, high.B), A: 255}
}
