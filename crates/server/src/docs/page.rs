//! A page around the HTML of a Markdown document. It loads nothing: style and icon stand in it.

use std::fmt::Write;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

const STYLE: &str = include_str!("page.css");

/// A complete HTML page, with a table of contents of its headings.
pub fn render(title: &str, markdown: &str) -> String {
    let options = Options::ENABLE_TABLES;
    let mut contents = String::new();
    let mut events = Vec::new();
    let mut heading: Option<(HeadingLevel, usize)> = None;
    for event in Parser::new_ext(markdown, options) {
        match &event {
            Event::Start(Tag::Heading { level, .. }) => heading = Some((*level, events.len())),
            Event::End(TagEnd::Heading(_)) => {
                if let Some((level, start)) = heading.take() {
                    let text: String = events[start + 1..].iter().filter_map(plain).collect();
                    let id = slug(&text);
                    if matches!(level, HeadingLevel::H2 | HeadingLevel::H3) {
                        let class = if level == HeadingLevel::H3 { " class=\"inner\"" } else { "" };
                        let text = escape(&text);
                        let _ = write!(contents, "<li{class}><a href=\"#{id}\">{text}</a></li>");
                    }
                    if let Some(Event::Start(Tag::Heading { id: slot, .. })) = events.get_mut(start)
                    {
                        *slot = Some(CowStr::from(id));
                    }
                }
            }
            _ => {}
        }
        events.push(event);
    }
    let mut body = String::new();
    html::push_html(&mut body, events.into_iter());
    let body = scrolling_tables(&body);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><link rel=\"icon\" href=\"data:,\"><style>{STYLE}</style></head>\
         <body><nav aria-label=\"Contents\"><p><strong>Souk</strong></p><ul>{contents}</ul>\
         <p><a href=\"/docs\">REST</a> · <a href=\"/asyncapi.json\">AsyncAPI</a> · \
         <a href=\"/openapi.json\">OpenAPI</a></p></nav><main>{body}</main></body></html>\n",
        title = escape(title),
    )
}

/// A wide table scrolls by itself, by the keyboard too.
fn scrolling_tables(body: &str) -> String {
    let mut parts = body.split("<table>");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (number, part) in parts.enumerate() {
        let _ = write!(
            text,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table {}\"><table>{}",
            number + 1,
            part.replacen("</table>", "</table></div>", 1),
        );
    }
    text
}

fn plain<'a>(event: &'a Event<'_>) -> Option<&'a str> {
    match event {
        Event::Text(text) | Event::Code(text) => Some(text),
        _ => None,
    }
}

fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_listed_and_found() {
        let page = render("A <b>", "# One\n\n## Server → Client\n\n| a |\n|---|\n| `x \\| y` |\n");
        assert!(page.contains("<title>A &lt;b></title>"), "{page}");
        assert!(page.contains("<li><a href=\"#server-client\">Server → Client</a></li>"), "{page}");
        assert!(page.contains("<h2 id=\"server-client\">"), "{page}");
        assert!(page.contains("<code>x | y</code>"), "{page}");
    }

    #[test]
    fn nothing_comes_from_another_host() {
        let text = crate::docs::reference::markdown(&events::catalog()).unwrap();
        let page = render("Socket events", &text);
        for loads in ["src=", "@import", "url(", "<script", "rel=\"stylesheet\""] {
            assert!(!page.contains(loads), "{loads}");
        }
    }
}
