package ssh

import "strings"

// products maps how software begins to name itself, in lower case, to what it
// is called. A letter after the beginning makes it another product. The longer of
// two beginnings comes first.
//
//nolint:gochecknoglobals // a table
var products = []struct{ begins, name string }{
	{"openssh_for_windows", "OpenSSH for Windows"},
	{"openssh", "OpenSSH"},
	{"dropbear", "Dropbear"},
	{"mod_sftp", "ProFTPD mod_sftp"},
	{"proftpd", "ProFTPD mod_sftp"},
	{"cerberusftpserver", "Cerberus FTP Server"},
	{"cerberus", "Cerberus FTP Server"},
	{"goanywhere", "GoAnywhere MFT"},
	{"aws_sftp", "AWS Transfer Family"},
	{"azuressh", "Azure Storage SFTP"},
	{"crushftpsshd", "CrushFTP"},
	{"crushftp", "CrushFTP"},
	{"serv-u", "Serv-U"},
	{"apache-sshd", "Apache MINA SSHD"},
	{"sshd-core", "Apache MINA SSHD"},
	{"moveit", "MOVEit Transfer"},
	{"sun_ssh", "SunSSH"},
	{"rosssh", "MikroTik RouterOS"},
	{"go", "Go x/crypto/ssh"},
}

// identify tells product and version from the software's name for itself, which
// joins the two with an underscore, a hyphen or a slash: OpenSSH_9.2p1,
// libssh-0.6.3, mod_sftp/0.9.9. Either is empty when it is not told.
func identify(id identification) (product, version string) {
	// Bitvise begins with its own version: "8.43 FlowSsh: Bitvise SSH Server (WinSSHD) 8.43".
	if _, after, ok := strings.Cut(id.comments, "Bitvise SSH Server (WinSSHD)"); ok {
		version, _, _ = strings.Cut(strings.TrimSpace(after), " ")
		return "Bitvise SSH Server", strings.TrimSuffix(version, ":")
	}
	product = id.software
	for i := 1; i < len(product)-1; i++ {
		if strings.IndexByte("_-/", product[i]) >= 0 && isDigit(product[i+1]) {
			product, version = product[:i], product[i+1:]
			break
		}
	}
	if product == "" || isDigit(product[0]) {
		return "", "" // such as Cisco's old 1.25, which says what it is a version of nowhere
	}
	for _, p := range products {
		rest, ok := strings.CutPrefix(strings.ToLower(product), p.begins)
		if !ok || rest != "" && rest[0] >= 'a' && rest[0] <= 'z' {
			continue
		}
		if version == "" && rest != "" && isDigit(rest[0]) {
			version = rest // GoAnywhere7.1.0
		}
		return p.name, version
	}
	return product, version
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
