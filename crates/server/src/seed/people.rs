//! The people of the demo, and what they do.

use http::Method;
use serde_json::{Value, json};

use super::api::Api;
use super::{Account, PASSWORD};

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub referral_code: String,
    pub account: Account,
    token: String,
    api: Api,
}

/// The `_id` of a document.
pub fn id(document: &Value) -> Result<&str, String> {
    document["_id"].as_str().ok_or_else(|| format!("no _id in {document}"))
}

impl Person {
    pub async fn register(
        api: &Api,
        role: &'static str,
        name: &str,
        referral_code: Option<&str>,
    ) -> Result<Self, String> {
        let local = name.to_lowercase().replace(' ', ".");
        let email = format!("{local}@demo.souk.example");
        let mut body = json!({ "email": email, "password": PASSWORD, "name": name, "role": role });
        if let Some(code) = referral_code {
            body["referralCode"] = code.into();
        }
        let answer = api.call(Method::POST, "/api/auth/register", None, Some(&body)).await?;
        Self::of(api, role, answer)
    }

    pub async fn sign_in(api: &Api, role: &'static str, email: &str) -> Result<Self, String> {
        let body = json!({ "email": email, "password": PASSWORD });
        let answer = api.call(Method::POST, "/api/auth/login", None, Some(&body)).await?;
        Self::of(api, role, answer)
    }

    fn of(api: &Api, role: &'static str, answer: Value) -> Result<Self, String> {
        let text = |value: &Value| {
            value.as_str().map(str::to_owned).ok_or_else(|| "a field is missing".to_owned())
        };
        let user = &answer["user"];
        Ok(Self {
            id: id(user)?.to_owned(),
            referral_code: text(&user["referralCode"])?,
            account: Account { role, name: text(&user["name"])?, email: text(&user["email"])? },
            token: text(&answer["accessToken"])?,
            api: api.clone(),
        })
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.api.call(Method::POST, path, Some(&self.token), Some(body)).await
    }

    pub async fn act(&self, path: &str) -> Result<Value, String> {
        self.api.call(Method::POST, path, Some(&self.token), None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.api.call(Method::PUT, path, Some(&self.token), Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.api.call(Method::PATCH, path, Some(&self.token), Some(body)).await
    }
}
