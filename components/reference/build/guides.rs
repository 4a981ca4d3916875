//! The guides: the Markdown of `docs` and of the repository's root as pages of HTML, and the files that they lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use crate::Served;

/// The guides that are not in `docs`.
pub(crate) const AT_THE_ROOT: [&str; 3] = ["README.md", "SECURITY.md", "CHANGELOG.md"];

/// The list of guides, and what every guide's path begins with.
const LIST: &str = "/docs/guides";

const LAYOUT: &str = include_str!("../assets/guide.html");

/// A guide in the making.
#[derive(Default)]
struct Guide {
    /// In HTML, as everything here.
    title: String,
    /// The ids of all headings.
    ids: BTreeSet<String>,
    /// Id and text of the second-level headings.
    sections: Vec<(String, String)>,
    body: String,
}

/// All pages, and the files of `docs` that they show or link to.
pub(crate) fn all(root: &Path) -> Result<Vec<Served>, Box<dyn Error>> {
    let mut sources: Vec<PathBuf> = AT_THE_ROOT.iter().map(PathBuf::from).collect();
    sources.extend(markdown(root, Path::new("docs"))?);
    let paths: BTreeMap<PathBuf, String> = sources
        .iter()
        .map(|source| (source.clone(), path_of_guide(source)))
        .collect();

    let mut files = Vec::new();
    let mut linked = BTreeSet::new();
    let mut list = String::from("<h1>Guides</h1>\n<ul>\n");
    for source in &sources {
        let mut links = Links {
            root,
            source,
            guides: &paths,
            linked: &mut linked,
        };
        let guide = render(&fs::read_to_string(root.join(source))?, &mut links)?;
        let path = &paths[source];
        list += &format!("<li><a href=\"{path}\">{}</a></li>\n", guide.title);
        files.push(Served::new(path, guide.page()));
    }
    list += "</ul>\n";
    files.push(Served::new(LIST, page("Guides", &list)));
    for file in linked {
        let content = fs::read(root.join(&file))?;
        files.push(Served::new(path_of_file(&file), content));
    }
    Ok(files)
}

/// The Markdown files under a folder: those of the folder itself first, each group by name.
fn markdown(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut entries = fs::read_dir(root.join(folder))?
        .map(|entry| Ok(folder.join(entry?.file_name())))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    entries.sort();
    let (folders, files): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|entry| root.join(entry).is_dir());
    let mut found: Vec<_> = files
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "md"))
        .collect();
    for folder in folders {
        found.extend(markdown(root, &folder)?);
    }
    Ok(found)
}

/// `docs/deploy/stores.md` is served at `/docs/guides/deploy/stores`, `docs/deploy/README.md` at `/docs/guides/deploy`.
fn path_of_guide(source: &Path) -> String {
    let path = path_of_file(&source.with_extension(""));
    let path = path.strip_suffix("/README").filter(|path| *path != LIST);
    path.map_or_else(
        || path_of_file(&source.with_extension("")).to_lowercase(),
        str::to_owned,
    )
}

fn path_of_file(file: &Path) -> String {
    let inside = file.strip_prefix("docs").unwrap_or(file);
    format!("{LIST}/{}", inside.display())
}

/// Where the links of a guide lead.
struct Links<'a> {
    root: &'a Path,
    source: &'a Path,
    guides: &'a BTreeMap<PathBuf, String>,
    linked: &'a mut BTreeSet<PathBuf>,
}

impl Links<'_> {
    /// The address of what a link leads to; `None` for a file of the repository that is not served.
    fn resolve(&mut self, link: &str) -> Result<Option<String>, Box<dyn Error>> {
        if link.starts_with('#') || link.contains("://") || link.starts_with("mailto:") {
            return Ok(Some(link.to_owned()));
        }
        let (file, fragment) = match link.find('#') {
            Some(start) => link.split_at(start),
            None => (link, ""),
        };
        let folder = self.source.parent().unwrap_or(Path::new(""));
        let file = normalized(&folder.join(file));
        if let Some(path) = self.guides.get(&file) {
            return Ok(Some(format!("{path}{fragment}")));
        }
        let target = self.root.join(&file);
        if !target.exists() {
            let source = self.source.display();
            return Err(format!("{source} links to {link}, which does not exist").into());
        }
        if !file.starts_with("docs") || target.is_dir() {
            return Ok(None);
        }
        let path = path_of_file(&file);
        self.linked.insert(file);
        Ok(Some(path))
    }
}

/// The path without `..`.
fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            normalized.pop();
        } else {
            normalized.push(component);
        }
    }
    normalized
}

fn render(markdown: &str, links: &mut Links) -> Result<Guide, Box<dyn Error>> {
    let mut guide = Guide::default();
    let mut events = Vec::new();
    // What a heading consists of, while one is read.
    let mut heading: Option<Vec<Event>> = None;
    // Whether each link that is open is written.
    let mut open = Vec::new();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        let written = match event {
            Event::Start(Tag::Heading { .. }) => {
                heading = Some(Vec::new());
                continue;
            }
            Event::End(TagEnd::Heading(level)) => {
                let inside = heading.take().unwrap_or_default();
                Event::Html(guide.heading(level as usize, inside).into())
            }
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let target = links.resolve(&dest_url)?.filter(|_| heading.is_none());
                open.push(target.is_some());
                match target {
                    None => continue,
                    Some(target) => Event::Start(Tag::Link {
                        link_type,
                        dest_url: target.into(),
                        title,
                        id,
                    }),
                }
            }
            Event::End(TagEnd::Link) if open.pop() == Some(false) => continue,
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let target = links.resolve(&dest_url)?;
                Event::Start(Tag::Image {
                    link_type,
                    dest_url: target.map_or(dest_url, CowStr::from),
                    title,
                    id,
                })
            }
            event => event,
        };
        heading.as_mut().unwrap_or(&mut events).push(written);
    }
    let body = html_of(events);
    // What may be wider than the page scrolls by itself, with the keyboard too; a style sheet is the only place for styles.
    // A text has `&lt;` where these have `<`.
    guide.body = body
        .replace(" style=\"text-align: right\"", " class=\"number\"")
        .replace("<th></th>", "<td></td>")
        .replace("<pre>", "<pre tabindex=\"0\">")
        .replace("<table>", "<div class=\"table\" tabindex=\"0\"><table>")
        .replace("</table>", "</table></div>");
    Ok(guide)
}

impl Guide {
    /// A heading that links to itself.
    fn heading(&mut self, level: usize, inside: Vec<Event>) -> String {
        let mut text = String::new();
        for event in &inside {
            if let Event::Text(part) | Event::Code(part) = event {
                text += part;
            }
        }
        let mut id = anchor(&text);
        while !self.ids.insert(id.clone()) {
            id += "-1";
        }
        let text = html_of([Event::Text(text.into())]);
        match level {
            1 => self.title = text,
            2 => self.sections.push((id.clone(), text)),
            _ => {}
        }
        let inside = html_of(inside);
        format!("<h{level} id=\"{id}\"><a href=\"#{id}\">{inside}</a></h{level}>\n")
    }

    fn page(&self) -> String {
        let mut contents = String::new();
        for (id, text) in &self.sections {
            contents += &format!("<li><a href=\"#{id}\">{text}</a></li>\n");
        }
        let contents = match self.sections.len() {
            0 | 1 => String::new(),
            _ => format!(
                "<nav class=\"contents\" aria-label=\"On this page\">\n<ul>\n{contents}</ul>\n</nav>\n"
            ),
        };
        page(
            &self.title,
            &self
                .body
                .replacen("</h1>\n", &format!("</h1>\n{contents}"), 1),
        )
    }
}

fn html_of<'a>(events: impl IntoIterator<Item = Event<'a>>) -> String {
    let mut written = String::new();
    html::push_html(&mut written, events.into_iter());
    written
}

/// The id of a heading, as code hosts make it: links that work there work here.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|character| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            _ => character.is_alphanumeric().then_some(character),
        })
        .collect()
}

/// A page with this title and body, in HTML.
fn page(title: &str, body: &str) -> String {
    LAYOUT.replace("{title}", title).replace("{body}", body)
}
