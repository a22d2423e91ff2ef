package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// someInventory refuses a command line without an inventory.
func someInventory(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError(fmt.Errorf("%s needs an inventory: a file, a folder, or - for stdin", cmd.CommandPath()),
			"m2mscan init writes one to start from")
	}
	return nil
}

// loadInventory reads an inventory and says on stderr what is wrong with it.
func (a *app) loadInventory(paths []string, stdinName string, now time.Time) (*inventory.Inventory, inventory.Problems, error) {
	inv, problems, err := inventory.Load(paths, inventory.Options{Stdin: a.in, StdinName: stdinName, Now: now})
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "m2mscan init writes an inventory to start from"
		}
		return nil, nil, usageError(err, hint)
	}
	if n := problems.Errors(); n > 0 {
		return nil, problems, usageError(&problemsError{
			fmt.Sprintf("the inventory is not valid: %s", count(n, "error")), problemsOf(problems),
		})
	}
	return inv, problems, nil
}
