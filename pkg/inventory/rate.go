package inventory

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// rateUnits are the units of a rate's window, largest first.
var rateUnits = []struct { //nolint:gochecknoglobals // a constant table
	name string
	unit time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// Limits of an agreed rate. A window is at least a second.
const (
	maxRateCount  = 999_999_999
	maxRateWindow = 366 * 24 * time.Hour
)

// ParseRate reads an agreed rate limit: COUNT/WINDOW, where the window is a
// whole number and one of the units s, m, h and d; a missing number is one.
// "100/1m" and "100/m" are both a hundred requests in each minute.
func ParseRate(text string) (Rate, error) {
	count, window, ok := strings.Cut(text, "/")
	if !ok {
		return Rate{}, errors.New("a rate is COUNT/WINDOW")
	}
	n, err := wholeNumber(count)
	if err != nil || n > maxRateCount {
		return Rate{}, fmt.Errorf("the count of a rate is a whole number from 1 to %d", maxRateCount)
	}
	for _, u := range rateUnits {
		number, isUnit := strings.CutSuffix(window, u.name)
		if !isUnit {
			continue
		}
		many := 1
		if number != "" {
			if many, err = wholeNumber(number); err != nil {
				return Rate{}, errors.New("the window of a rate is a whole number and a unit")
			}
		}
		if many > int(maxRateWindow/u.unit) {
			return Rate{}, errors.New("the window of a rate is at most 366 days")
		}
		return Rate{Count: n, Window: time.Duration(many) * u.unit}, nil
	}
	return Rate{}, errors.New("the window of a rate ends in one of the units s, m, h and d")
}

// wholeNumber reads a positive decimal number without sign or leading zero.
func wholeNumber(text string) (int, error) {
	if text == "" || text[0] < '1' || text[0] > '9' {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("whole number: %w", err)
	}
	return n, nil
}

// String formats r as ParseRate reads it, with the largest unit that fits;
// a rate that was not agreed is an empty string.
func (r Rate) String() string {
	if r.IsZero() {
		return ""
	}
	for _, u := range rateUnits {
		if r.Window >= u.unit && r.Window%u.unit == 0 {
			return fmt.Sprintf("%d/%d%s", r.Count, r.Window/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%d/%s", r.Count, r.Window) // made by hand, with a part of a second
}

// ParseDate reads a calendar day, written 2006-01-02.
func ParseDate(text string) (Date, error) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Date{}, errors.New("a date is a day of the calendar, YEAR-MONTH-DAY")
	}
	return Date{day}, nil
}
