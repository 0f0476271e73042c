// Command grafana checks dashboards against Grafana's own schema, as its Foundation SDK has it: every field must be one of
// the schema's, of its type, and every panel's options and queries those of their plugins.
//
//	grafana FILE...
//
// It prints what is wrong, a line each, and ends with 1 then; with 2 where a file cannot be read.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// The one kind of query that these dashboards have: without it the SDK takes the fields of any other.
const queries = "prometheus"

// faults is the error, or nil where it is the SDK's list of none: that is an error whose text is empty.
func faults(err error) error {
	var list cog.BuildErrors
	if errors.As(err, &list) && len(list) == 0 {
		return nil
	}
	return err
}

// panel checks what the SDK leaves open: it takes panels and queries of plugins that it does not know as they are, and
// unknown fields within fieldConfig.
func panel(text []byte) error {
	var raw struct {
		FieldConfig json.RawMessage `json:"fieldConfig"`
	}
	var panel dashboard.Panel
	var config dashboard.FieldConfigSource
	if err := errors.Join(json.Unmarshal(text, &raw), faults(panel.UnmarshalJSONStrict(text))); err != nil {
		return err
	}
	wrong := []error{faults(config.UnmarshalJSONStrict(raw.FieldConfig))}
	if _, known := cog.ConfigForPanelcfgVariant(panel.Type); !known {
		wrong = append(wrong, fmt.Errorf("the check does not know panels of the type %q", panel.Type))
	}
	for _, query := range panel.Targets {
		if query.DataqueryType() != queries {
			wrong = append(wrong, fmt.Errorf("the check does not know queries of the type %q", query.DataqueryType()))
		}
	}
	return errors.Join(wrong...)
}

func check(text []byte) error {
	// The SDK's own check of the whole stops at every panel, and leaves the value without them.
	var whole, board dashboard.Dashboard
	var raw struct {
		Panels []json.RawMessage `json:"panels"`
	}
	if err := errors.Join(faults(whole.UnmarshalJSONStrict(text)), json.Unmarshal(text, &board), json.Unmarshal(text, &raw)); err != nil {
		return err
	}
	wrong := []error{board.Validate()}
	for i, each := range board.Panels {
		if each.RowPanel != nil {
			continue
		}
		if err := panel(raw.Panels[i]); err != nil {
			wrong = append(wrong, fmt.Errorf("panels[%d]: %w", i, err))
		}
	}
	return errors.Join(wrong...)
}

func main() {
	known := cog.NewRuntime()
	known.RegisterPanelcfgVariant(stat.VariantConfig())
	known.RegisterPanelcfgVariant(table.VariantConfig())
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	known.RegisterDataqueryVariant(prometheus.VariantConfig())
	code := 0
	for _, file := range os.Args[1:] {
		text, err := os.ReadFile(file)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := check(text); err != nil {
			fmt.Printf("%s:\n%v\n", file, err)
			code = 1
		}
	}
	os.Exit(code)
}
