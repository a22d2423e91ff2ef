package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// manCommand writes the manual. It is for those who make packages, so it is
// hidden: a package brings the pages.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages of all commands to a folder",
		Long: `Write a man page for each command to a folder, which must exist.

The pages bear the date of SOURCE_DATE_EPOCH, or else that of the commit the
program was built from, so that the same source gives the same pages.`,
		Example: "  m2mscan man dist-extra/man",
		GroupID: groupOther,
		Hidden:  true,
		Args:    oneFolder,

		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			date, err := a.manDate()
			if err != nil {
				return usageError(err, "SOURCE_DATE_EPOCH is in seconds since 1970, such as git log -1 --format=%ct prints")
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			plainUsage(root)
			if err := doc.GenManTree(root, &doc.GenManHeader{
				Section: "1", Date: &date, Source: "m2mscan " + buildVersion().Version, Manual: "m2mscan manual",
			}, args[0]); err != nil {
				return usageError(fmt.Errorf("writing man pages: %w", err))
			}
			return nil
		},
	}
}

func oneFolder(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError(fmt.Errorf("%s takes one folder; got %d", cmd.CommandPath(), len(args)))
	}
	return nil
}

// manDate is what the pages are dated, never the time of the day.
func (a *app) manDate() (time.Time, error) {
	if epoch := a.getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %q is not a time", epoch)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	date, err := time.Parse(time.RFC3339, buildVersion().Date)
	if err != nil {
		return time.Time{}, fmt.Errorf("the program does not know the date of its source: set SOURCE_DATE_EPOCH")
	}
	return date.UTC(), nil
}

// plainUsage takes the marks out of the flags' texts that only --help reads.
func plainUsage(cmd *cobra.Command) {
	plain := func(f *pflag.Flag) {
		_, f.Usage = pflag.UnquoteUsage(f)
	}
	cmd.Flags().VisitAll(plain)
	cmd.PersistentFlags().VisitAll(plain)
	for _, sub := range cmd.Commands() {
		plainUsage(sub)
	}
}
