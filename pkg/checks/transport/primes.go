package transport

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
)

// knownPrime names a Diffie-Hellman prime that many servers share: a group of
// an RFC, or one that was built into a widespread server. Breaking one such
// prime breaks all who use it (LOGJAM, weakdh.org). The prime is big-endian;
// zeros in front do not count.
func knownPrime(p []byte) (name string, ok bool) {
	sum := sha256.Sum256(bytes.TrimLeft(p, "\x00"))
	name, ok = knownPrimes[hex.EncodeToString(sum[:])]
	return name, ok
}

// knownPrimes goes by the SHA-256 of the prime without zeros in front.
//
// Those of RFC 2409, 3526 and 7919 follow from a formula, and those of RFC
// 5114 are built into OpenSSL; the tests derive both anew. Those of Java are
// in its class libraries (sun.security.ssl.PredefinedDHParameterSpecs,
// sun.security.provider.ParameterCache). The others were built into the
// servers and samples they are called after.
//
//nolint:gochecknoglobals // a table
var knownPrimes = map[string]string{
	"b52ba6a3026520a6c49d37e4587601801bee500123b3259b6bf03e7cecc3e63d": "RFC 2409 group 1",
	"3f35a3f5f6c4376a744acad409bb22f8d897f949d2311d885adaa890981b67a0": "RFC 2409 group 2",
	"64fcc83ec403930bf18393dbc883ccaa1fbb08ac876f77f7aa99748ca945019b": "RFC 3526 group 5",
	"d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e": "RFC 3526 group 14",
	"48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1c55c": "RFC 3526 group 15",
	"4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33": "RFC 3526 group 16",
	"d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b864848657efd": "RFC 3526 group 17",
	"39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c3bcf": "RFC 3526 group 18",

	"9cd3b7f336872f46c09428d1bbc19877a4d440512cda8d1c1cf0cd6e33698966": "ffdhe2048",
	"0eaf67db3a839156d5013494a5318a772b5697d270d721f37f092efc69ea5a17": "ffdhe3072",
	"4648414224ac881b3d0dc59b466f96d06a558278776807797ecf1f66ff397b3e": "ffdhe4096",
	"227ac9066b3ddd9e193670cda2388fa884f65ba0cf98b742d1fe77a6687c79c7": "ffdhe6144",
	"770b14efaf6f049929c523113b3fa99a8d11dab1b18af3609590122075d19833": "ffdhe8192",

	"44c55cfee5c075927cf682da5b681bdecbd5c3eb0784c14f5dce7610f0ef133d": "RFC 5114 section 2.1",
	"bfe545862ca102ad1eeddb5fbfa5bf855ac4995c56a8b408ce3fe099dce93a9d": "RFC 5114 section 2.2",
	"0b7835722cb619827610c2549fdda5587421686c4409a13865e76225522ddcc9": "RFC 5114 section 2.3",

	"3cdb020b9ef298b2f3f6cf5a872af527337bf7b9f654b2e70c49da16a4d24137": "Apache 2.0, 512 bits",
	"f79d1db3c955a28fdeca462670a0712efee4b588c7858e4943883f903bd1354b": "Apache 2.0, 1024 bits",
	"db01e702899166da28c9bc7896af62bcdf0c96d0fb341950ba80e68bd51a57ef": "Apache 2.2, 512 bits",
	"bf910d9df4e0b2e76cda7443f592aa118e33ba2c224ebc27fb8978d873c8c2e3": "Apache 2.2, 1024 bits",
	"8ae47dca3d24e9b64640062686da234dcabada26b0da6f090c5449c1338d9a11": "nginx, 1024 bits",
	"f26e2403f3f07946654404909f0ff81d9354de17250411b4c04b89af73178425": "OpenSSL, 512 bits",
	"66d0bf38b0bdfacf2fdae33f35102ab6079fd5ff0feff8e436a4063745c72739": "OpenSSL, 1024 bits",
	"3166ce19180005327a6059a2e7a4ed22775ad2f0eadaee59a7481ab391fe592f": "OpenSSL, 2048 bits",
	"9e348a9471b7d123aa97071e38288379fc12a9992e8e75db2113c1ded5463ac3": "OpenSSL, 2048 bits",
	"ce7728db3aed1119a82b9f17b17df9f8e370ddd7639946df09a119f924aa42e8": "OpenSSL, 4096 bits",
	"6215d41bb617b390082b066d6856f8b361d6c77f316a84301f7c9717a8681485": "SKIP, 1024 bits",
	"725541d91fe79bcf52e6d96581d83ab8eb68a6c2460d933f68792a369b003b1c": "SKIP, 2048 bits",
	"709c244f2a55a2e8b12c7d66a18e9248c0f009ffb7fa49a32d2175e284d7210a": "Java, 512 bits",
	"554ced9aa2ffa9ed64911795792cfd3ec9eaab585d68f86ab53e14ced78fd40f": "Java (JSSE), 512 bits",
	"73b391ec8da33ee197aed17d7cfce1321b94e04c5b55b3c02c1c7198eb88715b": "Java (DSA), 512 bits",
	"ee5483fe4b96caa10cb5b863ec409aab2762e6bf43af4a8a0a42817fef4dd7f3": "Java (DSA), 768 bits",
	"cc21a33dd1a3edf40bf636b5496e4aede198a437a8548e0cc1a621424e42419b": "Java (DSA), 1024 bits",
	"486e235226a927b22b9389bf43377084cb9be4c303f08fd490613ab4d9dfbd31": "HAProxy, 1024 bits",
	"7b6551ea6ff09bd78c24bede10980a155f70b6c81e48b4dd8bec822ab3bf0e94": "HAProxy, 2048 bits",
	"a67f41cb161353e098a815bf4070d3268927a50cf3b9be233377f81e0ac77c1e": "HAProxy, 4096 bits",
	"ef627d8cc44144f36a075d8dd8511bbd278cb5cf438f1052bdbdabe715232c1e": "Postfix, 1024 bits",
	"bfa876fe4671a9c696c8e256c13d7fadaa05c8991660e0924604ff7b239c6d1a": "IronPort, 1024 bits",
	"ac10fa3c5965ca361c07b3511140eb0a5cc89d92417708b1c13d07dc24770e22": "socat, 1024 bits, not a prime",
}
