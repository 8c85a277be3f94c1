// Django draws the magnifiers of its two boxes as bare spans with an aria-label, which no screen reader has to read out.
"use strict";
{
    const { init } = window.SelectFilter;
    window.SelectFilter.init = (...place) => {
        init(...place);
        for (const icon of document.querySelectorAll(".selector .search-label-icon[aria-label]")) icon.setAttribute("role", "img");
    };
}
