//! Tests of tokens, with a token endpoint that answers by a list.

use std::sync::Mutex as StdMutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::kafka::ClientProperties;

const MODULE: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";

fn tokens(options: &str, pairs: &[(&str, &str)]) -> Result<Tokens> {
    let properties: ClientProperties =
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let jaas = Jaas::parse(&format!("{MODULE} {options};"))?;
    Tokens::read(&mut Reader::new(&properties), &jaas, None)
}

fn refusal(options: &str, pairs: &[(&str, &str)]) -> String {
    tokens(options, pairs).expect_err("must be refused").to_string()
}

/// Answers requests, one after the other, with what the list says, and keeps what it was asked.
struct Issuer {
    url: String,
    asked: Arc<StdMutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Issuer {
    async fn start(answers: &[(u16, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token?tenant=a", listener.local_addr().unwrap());
        let asked = Arc::new(StdMutex::new(Vec::new()));
        let (answers, heard) = (answers.to_vec(), Arc::clone(&asked));
        let mut task = JoinSet::new();
        task.spawn(async move {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut request, mut byte) = (Vec::new(), [0]);
                while !request.ends_with(b"openid+x") {
                    assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "the form is incomplete");
                    request.push(byte[0]);
                }
                heard.lock().unwrap().push(String::from_utf8(request).unwrap());
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, asked, _task: task }
    }

    fn tokens(&self) -> Tokens {
        let options = r#"clientId="me" clientSecret="hush hush" scope="openid x" extension_pool="p""#;
        tokens(options, &[("sasl.oauthbearer.token.endpoint.url", &self.url)]).unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_and_used_while_it_is_young() {
    let issuer = Issuer::start(&[(200, r#"{"access_token":"abc.def","expires_in":3600}"#)]).await;
    let tokens = issuer.tokens();
    assert_eq!(tokens.extensions, [("pool".to_owned(), "p".to_owned())]);
    for _ in 0..3 {
        assert_eq!(tokens.token().await.unwrap().value, "abc.def");
    }
    assert_eq!(issuer.asked(), 1);
    let request = issuer.asked.lock().unwrap().remove(0).to_lowercase();
    assert!(request.starts_with("post /token?tenant=a http/1.1\r\n"), "{request}");
    let credentials = STANDARD.encode("me:hush hush").to_lowercase();
    assert!(request.contains(&format!("authorization: basic {credentials}\r\n")), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\ngrant_type=client_credentials&scope=openid+x"), "{request}");
}

#[tokio::test]
async fn an_old_token_serves_until_its_end_when_there_is_no_new_one() {
    let answers = [
        (200, r#"{"access_token":"old","expires_in":3600}"#),
        (503, "down"),
        (200, r#"{"access_token":"new","expires_in":3600}"#),
    ];
    let issuer = Issuer::start(&answers).await;
    let tokens = issuer.tokens();
    tokens.token().await.unwrap();
    tokens.kept.lock().await.as_mut().unwrap().refresh_at = 0;
    assert_eq!(tokens.token().await.unwrap().value, "old", "the endpoint is down");
    assert_eq!(tokens.token().await.unwrap().value, "new");
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn a_refusal_is_final_and_trouble_is_not_and_neither_tells_a_secret() {
    let answers = [
        (401, r#"{"error":"invalid_client","error_description":"who are you"}"#),
        (503, "try later"),
        (200, r#"{"token":"elsewhere"}"#),
        (200, "{\"access_token\":\"a\\u0001b\"}"),
    ];
    let issuer = Issuer::start(&answers).await;
    let tokens = issuer.tokens();
    let mut errors = Vec::new();
    for _ in 0..4 {
        errors.push(tokens.token().await.err().expect("must fail"));
    }
    assert!(errors[0].to_string().contains("invalid_client: who are you"), "{}", errors[0]);
    assert_eq!(errors[0].kind(), KafkaErrorKind::Authentication);
    assert!(errors[1].is_retriable() && errors[1].to_string().contains("503"), "{}", errors[1]);
    assert!(errors[2].to_string().contains("`access_token`"), "{}", errors[2]);
    assert!(!errors[3].is_retriable(), "{}", errors[3]);
    for error in errors {
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}

#[tokio::test]
async fn a_token_without_a_signature_has_a_header_and_claims() {
    let tokens = tokens(r#"unsecuredLoginStringClaim_sub="a\"b" unsecuredLoginLifetimeSeconds="60""#, &[]);
    let token = tokens.unwrap().token().await.unwrap();
    let parts: Vec<_> = token.value.split('.').collect();
    let [header, claims, ""] = parts[..] else { panic!("not three parts, the last one empty: {parts:?}") };
    assert_eq!(URL_SAFE_NO_PAD.decode(header).unwrap(), br#"{"alg":"none"}"#);
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["sub"], "a\"b");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
}

#[tokio::test]
async fn a_token_file_is_read_for_each_login() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "one\n").unwrap();
    let url = format!("file://{}", path.display());
    let tokens = tokens("", &[("sasl.oauthbearer.token.endpoint.url", &url)]).unwrap();
    assert_eq!(tokens.token().await.unwrap().value, "one");
    std::fs::write(&path, "two\n").unwrap();
    assert_eq!(tokens.token().await.unwrap().value, "two");
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    let url = |url| [("sasl.oauthbearer.token.endpoint.url", url)];
    assert!(refusal("", &[]).contains("unsecuredLoginStringClaim_sub"));
    assert!(refusal("", &url("http://a/token")).contains("`clientId`"));
    assert!(refusal(r#"clientId="a""#, &url("https://a/token")).contains("`clientSecret`"));
    for wrong in ["ftp://a/token", "nowhere", "http://"] {
        assert!(refusal(r#"clientId="a" clientSecret="b""#, &url(wrong)).contains("is `"), "{wrong}");
    }
    assert_eq!(form_encoded("a b&c=ä"), "a+b%26c%3D%C3%A4");
}
