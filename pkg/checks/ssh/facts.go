package ssh

// Facts is the namespace "ssh": what a server of SSH, and of SFTP over it,
// offers and asks for, and how strong the keys are that it proves itself with.
type Facts struct {
	Protocol         *string `json:"protocol,omitzero" doc:"version of the protocol that the server names: 2.0, 1.99 for 2.0 beside SSH-1 (RFC 4253 section 5.1), or one of SSH-1"`
	SSH1             *bool   `json:"ssh1,omitzero" doc:"SSH-1 is spoken, alone or beside 2.0"`
	Software         *string `json:"software,omitzero" doc:"what the server says that it is, such as OpenSSH_9.2p1 Debian-2+deb12u3"`
	Product          *string `json:"product,omitzero" doc:"the product that this names, such as OpenSSH"`
	Version          *string `json:"version,omitzero" doc:"its version, such as 9.2p1; a distribution may have mended it without changing that"`
	VersionDisclosed *bool   `json:"version_disclosed,omitzero" doc:"more is told than the software's own version: the operating system or the package"`
	BannerText       *bool   `json:"banner_text,omitzero" doc:"a text is shown to everybody before the login"`

	KexAlgorithms     []string `json:"kex_algorithms,omitzero" doc:"key exchanges offered, in the server's order"`
	HostKeyAlgorithms []string `json:"host_key_algorithms,omitzero" doc:"algorithms of host keys offered, in the server's order"`
	Ciphers           []string `json:"ciphers,omitzero" doc:"ciphers offered in either direction, in the server's order"`
	MACs              []string `json:"macs,omitzero" doc:"MACs offered in either direction, in the server's order"`
	Compression       []string `json:"compression,omitzero" doc:"compression offered in either direction"`
	Weak              Weak     `json:"weak,omitzero"`

	PostQuantum             *bool `json:"post_quantum,omitzero" doc:"a key exchange is offered that withstands quantum computers, such as mlkem768x25519-sha256"`
	AuthenticatedEncryption *bool `json:"authenticated_encryption,omitzero" doc:"in both directions a cipher is offered that authenticates what it encrypts, or a MAC over what is encrypted (etm)"`
	StrictKex               *bool `json:"strict_kex,omitzero" doc:"the server keeps others from dropping messages of the key exchange (kex-strict-s-v00@openssh.com)"`
	Terrapin                *bool `json:"terrapin,omitzero" doc:"messages can be dropped unseen at the start of a session (CVE-2023-48795): ChaCha20-Poly1305, or CBC with an etm MAC, without strict key exchange"`

	HostKey HostKey `json:"host_key,omitzero"`

	AuthMethods         []string `json:"auth_methods,omitzero" doc:"ways to log in that a client without credentials is told of, sorted; for other users they may be others"`
	PasswordAuth        *bool    `json:"password_auth,omitzero" doc:"passwords are taken"`
	KeyboardInteractive *bool    `json:"keyboard_interactive,omitzero" doc:"the server asks questions of its own, mostly for a password, with or without a second factor"`
	NoneAccepted        *bool    `json:"none_accepted,omitzero" doc:"the user anonymous is let in without any credential"`
	Declared            *string  `json:"declared,omitzero" doc:"accepted or refused: the login of the inventory; not tried while the inventory cannot state the host key that proves who answers"`
}

// Weak lists the offered algorithms that are weak; empty when none is.
type Weak struct {
	Kex     []string `json:"kex,omitzero" doc:"key exchanges with SHA-1 or with groups that are too small (RFC 9142)"`
	HostKey []string `json:"host_key,omitzero" doc:"host key algorithms with SHA-1 or DSA (RFC 8332)"`
	Cipher  []string `json:"cipher,omitzero" doc:"RC4 (RFC 8758), ciphers of 64-bit blocks, those in CBC mode, and none at all"`
	MAC     []string `json:"mac,omitzero" doc:"MACs with MD5, those cut to 96 bits, and none at all"`
}

// HostKey is what the server proves itself with.
type HostKey struct {
	Type        *string `json:"type,omitzero" doc:"type of the key that a present-day client sees, such as ssh-ed25519"`
	Bits        *int    `json:"bits,omitzero" doc:"size of that key"`
	Fingerprint *string `json:"fingerprint,omitzero" doc:"its fingerprint as ssh-keygen shows it, which begins with SHA256"`
	RSABits     *int    `json:"rsa_bits,omitzero" doc:"size of the RSA host key, which clients may ask for besides"`
	Weakest     *string `json:"weakest,omitzero" doc:"the weakest of the host keys, such as ssh-rsa 1024"`
	Strength    *int    `json:"strength,omitzero" doc:"its security strength in bits (NIST SP 800-57 part 1 table 2): 112 for RSA with 2048 bits; 0 below 80"`
}
