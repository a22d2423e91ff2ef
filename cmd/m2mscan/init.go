package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
)

const starterName = "m2mscan.yaml"

func (a *app) initCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "init [FILE]",
		Short:   "Write a commented inventory to start from",
		GroupID: groupInventory,
		Long: `Write a commented starter inventory to FILE (default ` + starterName + `), or to stdout
for the FILE "-". A file that exists is left alone unless --force is given.`,
		Example: "  m2mscan init\n  m2mscan init inventory/acme.yaml\n  m2mscan init -",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError(fmt.Errorf("%s takes one file; got %d", cmd.CommandPath(), len(args)))
			}
			return nil
		},
		ValidArgsFunction: completeFiles("yaml", "yml"),
		RunE: func(_ *cobra.Command, args []string) error {
			path := starterName
			if len(args) == 1 {
				path = args[0]
			}
			return a.initInventory(path, force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that exists")
	return cmd
}

func (a *app) initInventory(path string, force bool) error {
	if path == "-" {
		_, err := a.out.Write(inventory.Starter())
		return err
	}
	if err := writeStarter(path, force); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return usageError(fmt.Errorf("%s exists already", path), "--force replaces it")
		}
		return usageError(fmt.Errorf("writing an inventory: %w", err))
	}
	if !a.quiet {
		fmt.Fprintf(a.err, "wrote %s; fill it in, then: m2mscan validate %s\n", path, path)
	}
	return nil
}

func writeStarter(path string, force bool) error {
	if force {
		return report.WriteFile(path, func(w io.Writer) error {
			_, err := w.Write(inventory.Starter())
			return err
		})
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // for others to read, as the umask allows
	if err != nil {
		return err
	}
	_, err = f.Write(inventory.Starter())
	return errors.Join(err, f.Close())
}
