// SPDX-License-Identifier: Apache-2.0

package uci

import (
	"encoding"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A setter puts the value s says into v. When s is no such value it gives what s should
// have been, as in "an IP address".
type setter func(v reflect.Value, s string) (want string)

var (
	secretType   = reflect.TypeFor[Secret]()
	addrType     = reflect.TypeFor[netip.Addr]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
	addrPortType = reflect.TypeFor[netip.AddrPort]()
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isText reports whether t reads itself from text.
func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textType) }

// setterFor gives the setter for one value of the field; nil when there is none.
func setterFor(f *field) setter {
	switch t := f.elem; {
	case t == secretType:
		return setSecret
	case t == addrType:
		return setAddr
	case t == prefixType:
		return setPrefix
	case t == addrPortType:
		return setAddrPort
	case t == durationType:
		return f.setDuration
	case isText(t):
		return setText
	}
	switch f.elem.Kind() {
	case reflect.String:
		return setString
	case reflect.Bool:
		return setBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return f.setInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return f.setUint
	case reflect.Float32, reflect.Float64:
		return f.setFloat
	}
	return nil
}

func setSecret(v reflect.Value, s string) string {
	*v.Addr().Interface().(*Secret) = NewSecret(s)
	return ""
}

func setString(v reflect.Value, s string) string {
	v.SetString(s)
	return ""
}

// ParseBool reads a switch in every spelling OpenWrt knows: 1 on true yes enabled, and
// 0 off false no disabled, in lower case.
func ParseBool(s string) (value, ok bool) {
	switch s {
	case "1", "on", "true", "yes", "enabled":
		return true, true
	case "0", "off", "false", "no", "disabled":
		return false, true
	}
	return false, false
}

func setBool(v reflect.Value, s string) string {
	b, ok := ParseBool(s)
	if !ok {
		return "a switch (0 or 1)"
	}
	v.SetBool(b)
	return ""
}

func setAddr(v reflect.Value, s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return "an IP address"
	}
	*v.Addr().Interface().(*netip.Addr) = a
	return ""
}

func setPrefix(v reflect.Value, s string) string {
	p, ok := parsePrefix(s)
	if !ok {
		return "an IP prefix"
	}
	*v.Addr().Interface().(*netip.Prefix) = p
	return ""
}

// parsePrefix reads "address/length"; an address alone has the full length. Host bits stay.
func parsePrefix(s string) (netip.Prefix, bool) {
	if strings.IndexByte(s, '/') >= 0 {
		p, err := netip.ParsePrefix(s)
		return p, err == nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

func setAddrPort(v reflect.Value, s string) string {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return "an IP address with a port"
	}
	*v.Addr().Interface().(*netip.AddrPort) = a
	return ""
}

func setText(v reflect.Value, s string) string {
	err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	if err != nil {
		return "valid: " + err.Error()
	}
	return ""
}

func (f *field) setDuration(v reflect.Value, s string) string {
	d, err := parseDuration(s, f.unit)
	if err != nil {
		return "a time (as in 5, 5s, 2m, 1h)"
	}
	v.SetInt(int64(d))
	return f.within(float64(d))
}

func (f *field) setInt(v reflect.Value, s string) string {
	n, err := strconv.ParseInt(s, 0, v.Type().Bits())
	if err != nil || strings.IndexByte(s, '_') >= 0 {
		return "a whole number" + f.bounds()
	}
	v.SetInt(n)
	return f.within(float64(n))
}

func (f *field) setUint(v reflect.Value, s string) string {
	n, err := strconv.ParseUint(s, 0, v.Type().Bits())
	if err != nil || strings.IndexByte(s, '_') >= 0 {
		return "a whole number" + f.bounds()
	}
	v.SetUint(n)
	return f.within(float64(n))
}

func (f *field) setFloat(v reflect.Value, s string) string {
	n, err := strconv.ParseFloat(s, v.Type().Bits())
	if err != nil || strings.IndexByte(s, '_') >= 0 {
		return "a number" + f.bounds()
	}
	v.SetFloat(n)
	return f.within(n)
}

// bounds adds the limits to the name of a kind of number.
func (f *field) bounds() string {
	switch {
	case f.min != nil && f.max != nil:
		return " from " + f.limits[0] + " to " + f.limits[1]
	case f.min != nil:
		return " of at least " + f.limits[0]
	case f.max != nil:
		return " of at most " + f.limits[1]
	}
	switch f.elem.Kind() {
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return " from 0 to " + strconv.FormatUint(1<<f.elem.Bits()-1, 10)
	}
	return ""
}

// parseDuration reads a number in the given unit, or one that carries its own: ms, s, m, h
// or d.
func parseDuration(s string, unit time.Duration) (time.Duration, error) {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return time.Duration(n * float64(unit)), nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		return time.Duration(n * float64(24*time.Hour)), err
	}
	return time.ParseDuration(s)
}
