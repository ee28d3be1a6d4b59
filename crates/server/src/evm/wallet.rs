//! Whose wallet it is: texts signed as wallets sign them (`personal_sign`, EIP-191 version 0x45).

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

use super::types::{Address, bytes, keccak256};

/// Who signed `message`, by a signature of 65 bytes: r, s, and v, which is 0 or 1, or 27 or 28.
/// `None` where it is no signature. One with a high `s` (EIP-2) is none: its twin would be one too.
///
/// Wallets that are contracts (EIP-1271) have no key and cannot sign like this.
pub fn signer(message: &str, signature: &str) -> Option<Address> {
    let signature: [u8; 65] = bytes(signature).ok()?.try_into().ok()?;
    let (rs, v) = signature.split_at(64);
    let parity = match v {
        [0 | 27] => false,
        [1 | 28] => true,
        _ => return None,
    };
    let rs = Signature::from_slice(rs).ok()?;
    if rs.normalize_s().is_some() {
        return None;
    }
    let mut text = format!("\x19Ethereum Signed Message:\n{}", message.len()).into_bytes();
    text.extend_from_slice(message.as_bytes());
    let key =
        VerifyingKey::recover_from_prehash(&keccak256(&text), &rs, RecoveryId::new(parity, false));
    let point = key.ok()?.to_encoded_point(false);
    let hash = keccak256(point.as_bytes().get(1..)?);
    hash.get(12..)?.try_into().ok().map(Address)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by another implementation (anvil's `personal_sign`), with the first key of the
    /// mnemonic that all development chains use.
    const MESSAGE: &str = "hello";
    const SIGNATURE: &str = "0xf16ea9a3478698f695fd1401bfe27e9e4a7e8e3da94aa72b021125e31fa899cc\
                             573c48ea3fe1d4ab61a9db10c19032026e3ed2dbccba5a178235ac27f94504311c";
    const ADDRESS: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

    #[test]
    fn the_signer_is_found() {
        let signed = |signature: &str| signer(MESSAGE, signature).map(|who| who.to_string());
        assert_eq!(signed(SIGNATURE).as_deref(), Some(ADDRESS));
        let with_v = |v: &str| format!("{}{v}", &SIGNATURE[..SIGNATURE.len() - 2]);
        assert_eq!(signed(&with_v("01")).as_deref(), Some(ADDRESS));
        assert_ne!(signed(&with_v("1b")).as_deref(), Some(ADDRESS));
        assert_ne!(
            signer("hello ", SIGNATURE).map(|who| who.to_string()).as_deref(),
            Some(ADDRESS)
        );
        for v in ["02", "1d", "25", ""] {
            assert_eq!(signed(&with_v(v)), None, "{v}");
        }
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let zeros = format!("0x{}1b", "0".repeat(128));
        let ones = format!("0x{}1b", "f".repeat(128));
        // The other signature of the same message by the same key: s' = n - s, v' = 55 - v.
        let high = "0xf16ea9a3478698f695fd1401bfe27e9e4a7e8e3da94aa72b021125e31fa899cc\
                    a8c3b715c01e2b549e5624ef3e6fcdfc4c700a0ae28e46243d9cb264d6f13d101b";
        for text in ["", "0x", "hello", &SIGNATURE[2..], &zeros, &ones, high] {
            assert_eq!(signer(MESSAGE, text), None, "{text}");
        }
    }
}
