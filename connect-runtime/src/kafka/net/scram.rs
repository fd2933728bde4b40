//! SCRAM (RFC 5802) with SHA-256 or SHA-512: both sides prove that they know the password, and nobody sends it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

use crate::kafka::security::Login;

/// Java's brokers accept no fewer, and so does this side: fewer would help whoever guesses passwords.
const FEWEST_ITERATIONS: u32 = 4096;
/// More would keep this side busy for minutes.
const MOST_ITERATIONS: u32 = 10_000_000;

/// Which hash.
#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// A login under way. It has no `Debug`: it holds the password.
pub(super) struct Scram<'a> {
    hash: Hash,
    login: &'a Login,
    nonce: String,
    /// What the server must prove at the end.
    expected: Option<(hmac::Key, String)>,
}

/// Why a login failed, without secrets.
pub(super) type Refusal = String;

impl<'a> Scram<'a> {
    pub(super) fn new(hash: Hash, login: &'a Login) -> Result<Self, Refusal> {
        let mut random = [0; 24];
        let filled = SystemRandom::new().fill(&mut random);
        filled.map_err(|_| "the system has no random numbers".to_owned())?;
        Ok(Self { hash, login, nonce: BASE64.encode(random), expected: None })
    }

    #[cfg(test)]
    fn with_nonce(hash: Hash, login: &'a Login, nonce: &str) -> Self {
        Self { hash, login, nonce: nonce.to_owned(), expected: None }
    }

    fn first_bare(&self) -> String {
        let user = self.login.username.replace('=', "=3D").replace(',', "=2C");
        format!("n={user},r={}", self.nonce)
    }

    /// The first message of this side.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.first_bare())
    }

    /// Answers the server's first message with the proof.
    pub(super) fn prove(&mut self, server_first: &[u8]) -> Result<String, Refusal> {
        let text =
            std::str::from_utf8(server_first).map_err(|_| "its first message is no text".to_owned())?;
        if let Some(error) = attribute(text, "e") {
            return Err(error.to_owned());
        }
        let missing = |what: &str| format!("its first message has no {what}");
        let nonce = attribute(text, "r").ok_or_else(|| missing("nonce"))?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("its nonce does not continue ours".to_owned());
        }
        let salt =
            attribute(text, "s").and_then(|salt| BASE64.decode(salt).ok()).ok_or_else(|| missing("salt"))?;
        let iterations = attribute(text, "i").and_then(|count| count.parse::<u32>().ok());
        let iterations = iterations.ok_or_else(|| missing("number of iterations"))?;
        if !(FEWEST_ITERATIONS..=MOST_ITERATIONS).contains(&iterations) {
            return Err(format!("it asks for {iterations} iterations"));
        }
        let Some(count) = std::num::NonZeroU32::new(iterations) else { return Err(missing("iterations")) };

        let mut salted = vec![0; self.hash.digest().output_len()];
        pbkdf2::derive(self.hash.pbkdf2(), count, &salt, self.login.password.as_bytes(), &mut salted);
        let salted = hmac::Key::new(self.hash.hmac(), &salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let stored_key = digest::digest(self.hash.digest(), client_key.as_ref());
        let without_proof = format!("c=biws,r={nonce}");
        let message = format!("{},{text},{without_proof}", self.first_bare());
        let signature =
            hmac::sign(&hmac::Key::new(self.hash.hmac(), stored_key.as_ref()), message.as_bytes());
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, sign)| key ^ sign).collect();
        let server_key = hmac::sign(&salted, b"Server Key");
        self.expected = Some((hmac::Key::new(self.hash.hmac(), server_key.as_ref()), message));
        Ok(format!("{without_proof},p={}", BASE64.encode(proof)))
    }

    /// Checks the server's last message: only who knows the password can have written it.
    pub(super) fn check(&self, server_last: &[u8]) -> Result<(), Refusal> {
        let text = std::str::from_utf8(server_last).map_err(|_| "its last message is no text".to_owned())?;
        if let Some(error) = attribute(text, "e") {
            return Err(error.to_owned());
        }
        let signature = attribute(text, "v").and_then(|signature| BASE64.decode(signature).ok());
        let (Some(signature), Some((key, message))) = (signature, &self.expected) else {
            return Err("its last message has no signature".to_owned());
        };
        hmac::verify(key, message.as_bytes(), &signature)
            .map_err(|_| "it does not know the password itself".to_owned())
    }
}

fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login { username: "user".to_owned(), password: "pencil".to_owned() }
    }

    /// The exchange of RFC 7677.
    #[test]
    fn the_example_of_the_standard_is_reproduced() {
        let login = login();
        let mut scram = Scram::with_nonce(Hash::Sha256, &login, "rOprNGfwEbeRWgbNEkqO");
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let server =
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(
            scram.prove(server).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        scram.check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(scram.check(b"v=AAAA").unwrap_err().contains("password"));
        assert_eq!(scram.check(b"e=invalid-proof").unwrap_err(), "invalid-proof");
    }

    #[test]
    fn a_server_that_cheats_is_refused() {
        let login = login();
        for (message, why) in [
            ("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "nonce"),
            ("r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "nonce"),
            ("r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1", "1 iterations"),
            ("r=abcd,i=4096", "salt"),
            ("e=unknown-user", "unknown-user"),
        ] {
            let mut scram = Scram::with_nonce(Hash::Sha512, &login, "abc");
            let refusal = scram.prove(message.as_bytes()).unwrap_err();
            assert!(refusal.contains(why), "{message}: {refusal}");
        }
    }
}
