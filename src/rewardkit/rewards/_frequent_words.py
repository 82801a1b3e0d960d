"""Frequent words of languages in a Latin or Cyrillic script, by which short sentences differ.

They are words that prose of any subject has, and reasoning most of all: articles, pronouns,
prepositions, forms of "be" and "have", connectives, and words such as "answer" and "number". A word
that two languages share is in both lists. Words of one ASCII letter are left out: they may be
variables.
"""

from __future__ import annotations

FREQUENT_WORDS = {
    "cs": """
        aby ale ani ano asi až bez bude budeme by byl byla byli bylo být celkem cena chyba co což
        dal další den dny do domu druhý dva díky dělíme ho hodin hodnota hotovo jak jako je jeden
        jedna jeho jej jejich její jen jenom jestli ještě již jo jsem jsme jsou já každý kde kdo kdy
        když ke kolik krok která které který let lidí mají menší mezi mi mu my má máme mít může
        můžeme na nad najdeme ne nebo není než ni nic no nějaký oba obě od odečteme odpověď ona oni
        otázka pak platí po pod podle pokud polovina pro problem protože první před při příklad rok
        rovnice rovná sama se sem sečteme si skoro součet spočítáme správný správně stejný strany ta
        tady tak také takže tam tedy ten tento to tohle toho tomu tu ty tím třetí tři už ve vede vám
        ví výsledek větší vše všechny vždy za zbude zbývá ze zkontrolujeme čísel číslo řešení že
    """,
    "da": """
        ad af alle allerede alt altså anders andet andre antal at bad bare bedre begge behøver
        beregne betaler betalte blev bliver bruger både da dag dage dagen de del dele dem den denne
        der deres derfor det dette dig din disse dit dobbelt dog du døgn efter egen eksempel eller
        en end endnu enkelt ens er et faktisk fast fik find finde finder fjerde flere for fordi
        forkert forkerte form forskellen fortsat fra fungerer få får færdig før først første gange
        gav gik give giver gjort god går gør gøre halvdelen ham han hans har have hele hendes her
        hinanden hold holder hos hun hus hver hvilken hvilket hvis hvor hvordan hvorfor igen igennem
        ikke imellem ind inden ingen især ja jeg jo job kan kender klar klart kom kommer
        kontrollerer koster kroner kun kunne lad lang langt let lidt lige ligesom ligger ligning
        ligningen lægge lægger længde længere løsning løsningen man mange med meget mellem men mener
        mens mest mig min mindre mindst mine minus mit mod morgen mulig måde mål måske nej nemt
        netop nogen noget nogle nu nyt når næste næsten ofte og også okay om op opgave opgaven ord
        os over par penge person plus problem problemet procent på regne regner resultatet rigtig
        rigtigt række sagde sagen sagt samlet samme sammen se selv ser ses set side siden sider
        sidst sidste sig sin skal skriv skrive skriver skulle snart som spørgsmål stop stå står
        større størst summen svar svaret så tag tage tager tak tal tale tallene tallet tid tidligere
        til time timer ting to tre tredje trin trække trækker tænk tænke ud udregne under var ved
        vej vent vi vigtig vil vise viser vores være været år æbler én
    """,
    "de": """
        ab abend aber abgezogen alle allein allem alles als also alt am an andere anderen anders
        anfang antwort antworten anzahl arbeit art auch auf aufgabe aus außerdem bald beginnen bei
        beide beiden beispiel bekannt bekommt benötigt berechne berechnen bereits besser besteht
        betrachte betrachten beträgt bezahlt bezahlte bin bis bitte bleibe bleiben bleibt brauche
        brauchen braucht bringt da dadurch dagegen daher damit danach dann das dass dem den denken
        denn der deren des deshalb dessen deutlich die dies diese diesem diesen dieser dieses direkt
        doch dort drei du durch eben ebenfalls echt eigentlich ein eine einem einen einer eines
        einfach einige einigen einmal endlich entspricht er ergebnis ergibt erhalten erst erste es
        etwa etwas euro falls falsch fast fehlt fertig finde folgt form frage fragt früher
        funktioniert für gab gaben ganz ganze ganzen gar gefunden gegeben gehen geht geld genau
        genug gerade gesagt gesamt gesucht gewann gewinnt gibt gilt ging glaube gleich gleichung
        groß größer gut haben hand hat hatte hatten haus heißt her hier hin hinter hinzu hoch hälfte
        hätte ich idee ihm ihnen ihr ihre ihrem ihren ihrer im immer in insgesamt interessant ist ja
        jahr jahre jede jeden jeder jedes jedoch jemand jetzt jeweils kann kaufen kauft kaufte kein
        keine keinen kind klar kleine kleiner kommen kommt konnte kosten kostet können lang lassen
        laut lautet leicht letzte letzten liegt links länge läuft lösen lösung machen macht mal man
        mehr mehrere meine meinen mindestens mit moment morgen muss möchte möglich möglichkeit
        müssen müsste nach name natürlich neben nehmen nein neue neuen nicht nichts niedrig niemals
        niemand noch nun nur nächste nächsten ob oben oder ohne okay passt person preis problem
        prüfe prüfen punkt rechne rechnen rechnung rechts richtig richtige sagen sagt schließlich
        schnell schon schritt schwer schwierig sehen sehr sei sein seine seite seiten setze setzen
        sich sicher sie sieht sind so sogar soll sollte somit sonst start stehen steht stelle
        stellen stellt stimmt stunde stunden such summe tag tage tatsächlich teil teilen total
        trotzdem uhr um und uns unsere unten unter unterschied verkauft verkaufte vermutlich
        versuchen viel viele vielleicht vielmehr vier vom von vor war waren warte warum was weg weil
        weise weiter weitere weiß welche welcher welches wenige weniger wenn wer werde werden wert
        wichtig wichtigsten wie wieder will wir wird wirklich wissen wo wobei woher wollen worden
        würde zahl zahlen zahlt zahlte zeigen zeigt zeile zeit ziehen zu zuerst zuletzt zum zunächst
        zur zurück zusammen zusammenfassung zwanzig zwar zwei zweite zweiten zwischen öfter über
        übrig
    """,
    "en": """
        able about above according across add after again age ago agree air all alone along already
        also although always am amount an and another answer any anything are around art as ask
        asked asks at attention available away back bad based be because become been before begin
        behind below beside best better between beyond big bigger book both bottom bought box boys
        bring brings but buy buys by call can cannot car carefully case cases cause certain chance
        change check children choose chose city clear close come comes comment common compare
        complete completely computer consider consists contains continue correct cost costs could
        count counting course day days dear decide depends describe determine did difference
        different distance divide divided do does dog doing done double down drive due during each
        earlier early easier easily easy eight either elements eleven else end enough equal equally
        equals equation even ever every everything exact exactly example except expect fact factor
        false family fast faster father feel few fill final finally find finish first fits five
        fixed following follows food for forget form former forth found four fourth friend friends
        from full function further get gets getting girls give given gives giving go god goes going
        good got grand great greater group grow guess had half hand hands happen happens hard has
        have having he heavy height help hence her here herself high higher him himself his hold
        holds home hope hours house how however hundred idea ideas if important in inside instead
        interesting interval into involves is it its itself job join just keep keeps key kids kind
        kinds know known land large larger largest last late later latter lead leads learn least
        leaves left length less let level light like likely limit lines list little lives long
        longer look looks lost lot love low lower lowest main make makes making man many matter
        maximum maybe me mean means measure meet men method methods middle might mind mine minimum
        minus minute minutes missing mistake moment money month more most mother move moves much
        multiply must my myself name namely near nearly necessary need needed needs neither never
        next nine no nobody none nor normal not note nothing notice now number numbers obtain
        obvious obviously occurs odd of off often okay old older on once one ones only opposite
        option options or order original other others otherwise our ours out outside over own paid
        pair part past pay pays people per perhaps person picture place plus point position positive
        possible prefer previous price prime probably problem process product program proof proper
        property prove proved put question quickly quite rate rates rather reach read ready really
        reason recall remain remaining remember rest result return returns right round rule rules
        run runs safe said sale same satisfies saw say says school second see seem seems seen self
        sells sense sentence separate set seven seventh several shall share she short shorter
        shortest should show shows side sides similar simple simply since single sister six size
        slow small smaller so sold solution solve solved solving some someone something sometimes
        son soon sorry sort speed spend spent square start states stay stays step steps still stop
        straight string strong student students subtract subtracting such sum summary suppose sure
        system table take taken takes taking talk task tell ten term terms test text than thank that
        the their them themselves then there therefore these they thing think thinking third this
        those though thought thousand thousands three through thus ticket time times to today
        together told too top total toward train travel travels treat tried triple true truth try
        trying turn twelfth twelve twenty twice two under unit units unknown unless until up upon us
        use used user using usual usually valid value variable various verify version very view wait
        wall want wants warm was water way ways we week weight well went were what whatever when
        whenever where whether which while who whole whose why wide will wish with within without
        woman wonder wood word words work working works world worth would write writes wrong wrote
        year years yes yesterday yet you young your yourself zero
    """,
    "es": """
        abajo acaba acuerdo además ahora al algo algunas algunos allí alto alumnos ambos amigos
        antes aparece aquel aquí arriba asi así atrás aunque ayuda año años aún bajo bastante bien
        buena bueno cabeza cada calculamos calcular cambia cambiar camino cantidad cara casa casi
        caso causa cerca cierta cierto claro como compra comprar comprobamos comprobar compró con
        conclusión consideramos correcta correcto cosa cosas costo creo cual cuando cuarto cuatro
        cuesta cuestan cuidado cuántas cuántos cálculo cómo da dado damos dar de debe debemos deben
        decimos decir deja del demasiado demás dentro desde después dice dicho dieron diferencia
        difícil dinero dio distancia dividimos dividir doble donde dos duda durante día días
        ecuación edad ejemplo el ella ellas ello ellos empezamos en encontramos encontrar entonces
        entre era error es esa escribimos escribir ese eso espera esperar esta estamos estar estas
        este esto estos está están exactamente existe falta fin final forma fue fuera fueron
        funciona función fácil ganó gente gran grande grupo ha había hace hacemos hacer hacia hallar
        han has hay haya he hecho hizo hora horas idea igual importa interesante la lado largo las
        le lejos les libre lista listo llega llegar llevar lo longitud los luego lugar línea mal
        manera mas mayor mañana me media medio mejor menor menos mes mi mismo mitad modo momento
        mucha muchas mucho muchos multiplicar mundo muy más máximo método métodos mínimo nada nadie
        necesario necesita necesitamos ni ninguna ninguno ningún no noche nombre nos nuestro nueva
        nueve nuevo nunca número números obtenemos obtener obtiene ocho orden otra otro pagan pagar
        pagó para parece parte partes pasa paso pasos pedir pensar pequeña pequeño perder pero
        persona personas poco podemos podría por porque precio pregunta primer primera primero
        primeros probar problema pronto puede pueden pues puesto punto que queda quedan quedaron
        quien quiere quiero quizá quizás qué razón regla resolver respuesta resta restamos restar
        resto resulta resultado sabe sabemos saber sale salida salir se sea segunda segundo según
        seis sencillo ser será si sido siempre siete significa siguiente simple simplemente sin sino
        siquiera situación sobre solo solución somos son su suma sumar supongamos sus sí tal también
        tan tanto tarde te tenemos tener tenía tenían tercera tercio terminado terminar tiempo tiene
        tienen tipo toda todas todo todos tomar total trabajo tras tres tu tuvo un una uno unos
        usamos usar usted utiliza va vale valor vamos veamos veces veinte velocidad vende vendió
        venta ver verdad verdadero verificamos vez viene volver vos vuelve ya yo él
    """,
    "fi": """
        alan alla alle ei eikä eli en ensin esimerkki et että he hän hänen idea ihmistä ilman itse
        ja jaetaan jo joka jos jossa jota joten jotka jäljellä jää kaikki kaksi kaksinkertainen
        kanssa kerran kerrotaan koko kolmas kolme koska kuin kuinka kun kysymys lasketaan lisätään
        lopuksi luku lukua luvun lähtien me mikä minä mitä molemmat muita mutta muuta myös ne niiden
        niin noin nyt näin näyttää oikea oikein ole olemme oli olisi olla on onko ovat paljon pari
        pienempi pieni pitää pois puolet päivä päivää ratkaisu riittää saa saadaan saamme saat sai
        sama se sekä sen seuraavaksi siis siitä sillä sinä summa suurempi suuri tai tarkistetaan toi
        toinen tulos tunti tuntia turun tämä tämän tässä tästä tätä täytyy vai vaihe vain valmis
        vastaus vielä virhe voi voidaan voit vuosi väärin yhdessä yhteensä yhtälö yksi
    """,
    "fr": """
        acheté ai ailleurs ainsi air ait ajoute ajouter ajoutons allons alors an année ans appelle
        après arrive art as assez attention au aucun aucune aujourd aurait aussi autre autres aux
        avaient avait avant avec avez avoir avons beaucoup bien bon ca calcul calculer calculons car
        cas cause ce ceci cela celle celui certaines certains ces cet cette ceux chacun chacune
        chance change chaque cherche chercher choix chose choses ci clair claire combien comme
        commence comment commençons comprendre compte conclusion considérons contient correct coûte
        coûtent côté côtés dans de dehors demande depuis dernier dernière derrière des deux deuxième
        devant devient devons difficile différence différent dira dire disons dit diviser divisons
        dois doit doivent donc donne donner donné dont double droite du déjà effet elle elles en
        encore enfin ensemble ensuite entier entiers entre environ erreur essayons est et eu eux
        exact exactement exemple existe facile facilement facteur fait fallait famille faut faux
        façon fera film fin final finalement fois font gauche gens grand grande grands gros groupe
        heure heures hier hors hypothèse idée il ils important importe intéressant jamais je jeune
        jour jours jusqu la laisse laquelle large le lequel les leur leurs libre lieu ligne loin
        long longueur lors lorsque lui là ma main maintenant mais maison mal maximum me membres mer
        mes mieux minimum minutes moins moitié moment mon montre montrons mot moyenne multiplie
        multiplier multiplions méthode méthodes même ne ni nombre nombres non nos note notre nous
        nouveau nouvelle nécessaire obtient on ont or ordre ou où paie par parce parfait parfois
        parmi part parti partie pas passe pays payé pendant pense perd personne personnes petit
        petite petits peu peut peuvent peux phrase pièces place plus plusieurs plutôt point position
        possible possède pour pourquoi premier premiers première prenons presque preuve prix
        problème proche produit propose propriété prouve puis puisque quand quatre que quel quelle
        quelque quelques question qui quoi racine rapide rappelons regardons reste restent reçoit
        rien réponse résultat sa sans savoir se second selon semble sens sera serait ses si simple
        simplement simplifier sinon six soient soit solution somme sommes son sont sous soustraire
        souvent suffit suite suivant suivante sujet supposons sur surtout sûr ta tant tard taux te
        tel telle temps terminé tes tient tiers toi ton total toujours tous tout toute toutefois
        toutes train travail trois troisième trop trouve trouver trouvons très tu un une unique
        utilise utiliser va valeur vaut vend vers veut vient vitesse voici voir vois voit vos votre
        vous voyons vrai vraie vraiment vérifie vérifier vérifions vérité égal égale égalité élèves
        équation équations était étape étapes état être
    """,
    "hu": """
        adjuk aki akkor alatt amely ami amit annak az azaz azok azonban azt azért be ben csak de egy
        egyenlet egyik egymás el ellenőrizzük először előtt ember eredmény erre es este ez ezek ezt
        ezért fel fele ha hanem harmadik hat helyes hiba hiszen hogy három igen is itt jó jól kapjuk
        kell keressük kettő ki kicsi kisebb kérdés kész két kétszer következik között közül le
        legyen lehet lesz lesznek lépés ma majd marad maradt meg megoldás megoldása mennyi mert mi
        mind minden mindkét mint mit most már más második még nagy nagyobb nagyon nap ne nem nincs
        négy nélkül nézzük olyan osszuk pedig példa rossz sem szerint szorozzuk szám számok
        számoljuk számot te tehát tudjuk több utolsó után vagy vagyok van vannak volt válasz él én
        és év így óra össze összeg összege összesen új újra ő ők
    """,
    "id": """
        ada adalah adik agar air akan akhir akhirnya aku al alasan amat anak anda andaikan angka
        antara apa apakah arah arti artinya asal atas atau ayah bagaimana bagi bagian bagus bahkan
        bahwa baik balik banyak banyaknya baru bawa bawah begitu belakang beliau belum benar benda
        berada berapa berarti berbeda berhenti beri berikan berikut berikutnya berisi berjalan
        berlaku bermain bernilai bersama bertanya berubah berusaha besar besarnya biasa biasanya
        biaya bila bilang bilangan bilangannya bisa boleh buah bukan buku bulan butuh butuhkan cara
        cari carilah catat cek cepat cerita coba cocok contoh contohnya cukup dahulu dalam dan dapat
        dari daripada dasar datang demi demikian dengan depan di dia dibagi dibandingkan dibulatkan
        dibutuhkan digunakan dikali dikatakan diketahui dikurangi dilakukan dimana diminta
        diperlukan diperoleh disebut ditambah ditulis dobel dua duduk dulu dulunya empat enam final
        fungsi gaji gambar ganti gelas gunakan guru habis hai hal hampir hanya hanyalah harap harga
        harganya hari harus hasil hasilkan hasilnya hidup himpunan hingga hitung hitunglah ia ialah
        ibu ikut ingin ini isi isinya itu jadi jalan jalankan jam jangan jarak jarang jawab jawaban
        jawabannya jawablah jelas jenis jika juga jumlah jumlahkan kadang kakak kalau kali kalikan
        kalimat kami kan kanan kapan karena karenanya kasus kata ke kecepatan kecil kedua keduanya
        kelas kelihatannya keliling kelilingnya keliru keluar kembali kembalian kemudian kenapa
        kepada kerja kesalahan kesempatan kesimpulan kesimpulannya ketiga ketika khusus kiri kita
        kosong kurang kurangi kurangkan kurangnya lagi lain laki lalu lama lambat langkah langkahnya
        langsung laut lebar lebarnya lebih lewat lima love luar luas luasnya main maka makan
        maksimum malam mana mari masalah masih masuk maupun melainkan melakukan melihat memakai
        memang membaca membagi membayar membeli memberi membuat memeriksa memilih memiliki menambah
        menarik mencari mendapat mendapatkan mengalikan mengapa mengembalikan menggunakan menghitung
        mengurangi menit menjadi menjual menulis menunjukkan mereka merupakan metode minimum minta
        misalkan mu mudah mulai mungkin murid nah nama nanti nilai nilainya nol nyata oke oleh
        olehnya orang pada padahal pagi pak paling panjang panjangnya para pecahan peluang
        peluangnya pembilang penting penyebut percaya pergi periksa perlu pernah pernyataan
        persamaan persen pertama pertanyaan pikir pilih pilihan pilihlah pulang pun punya rendah
        ruas rumah rumus rumusnya saat sah saja salah sama sampai sana sangat satu saya sebab
        sebagai sebagian sebanyak sebelum sebentar sebesar sebuah sebut sedang sedangkan sedikit
        segera sehari sehingga sejak sekali sekarang sekitar sekolah selain selalu selama
        selanjutnya selesai selesaikan seluruh seluruhnya sementara semua semuanya sendiri seorang
        separuh seperti seratus sering serta seseorang sesuai sesuatu setelah setelahnya setengah
        setiap siang siapa sih simpan sisa sisanya sisi siswa soal solusi sore suatu sudah suka
        sulit sungguh supaya susah tadi tahu tahun tak tambah tambahkan tampak tanda tanpa tanya
        tapi tebakan telah teman tempat tengah tentang tentu tentukan teori tepat tepatnya terakhir
        terbesar terbukti terdapat terdiri terhadap terjadi terkecil terlalu terlebih ternyata
        tersebut tersisa tertentu tetap tetapi tiap tidak tidaklah tiga tinggal tinggi tingginya
        total tulis tulislah tunggu turun turunan uang ubah uji ulang umum umur umurnya unit untuk
        untung urutan urutkan usaha utama wajib waktu waktunya warna ya yaitu yakni yang
    """,
    "it": """
        abbastanza abbiamo accanto ad adesso agli ai aiuta al alcune alcuni alla alle allo allora
        alto altra altri altro amico anch anche ancora andare anni anno appena aspetta aspettare
        assieme attenzione avanti avere aveva avevano basso basta bel bella bello ben bene bisogna
        buona buono calcolare calcoliamo cambia cambiare capire casa casi caso causa cento cerca
        cercare certa certo che chi chiaro chiede chiedere ci ciascun ciascuna ciascuno cinque cioè
        circa ciò come compra comprare comprò comunque con conclusione consideriamo conta continua
        conto controllare controlliamo conviene corretta corretto cosa cose costa costano costo così
        credo cui curioso da dai dal dalla dalle data dati dato davanti davvero decimo degli dei del
        della delle dello dentro deve devi devo devono di dice diciamo diciotto dicono dietro
        differenza difficile dire diverso dividere dividiamo dobbiamo domanda domani donna donne
        dopo doppio dove dritto due durante ecco ed effetti entrambe entrambi equazione era erano
        errore esattamente esempio esiste essa essere esso età euro fa facciamo facile fare farlo
        fatto finito forma fra funziona funzione fuori gente giorni giorno giusta giusto gli gran
        grande gruppo ha hai hanno ho idea ieri il in infatti infine inoltre insieme insomma
        interessante intero invece io la lascia lati lato lavoro le lei lettura libero libri linea
        lista lo lontano loro luce lui lunghezza lungo ma maggiore mai mamma maniera mare massimo me
        media medio meglio meno mentre metodi metodo mettere metà mezzo mi mia mie minimo minore mio
        modo molta molte molti moltiplicare moltiplichiamo molto momento mondo ne negli nei nel nell
        nella nelle nemmeno nessun nessuna niente no noi nome non nostra nostro nota note notte
        nulla numeri numero nuova nuove nuovi nuovo occorre oggi ogni oltre oppure ora ordine ore
        ottenere otteniamo ottiene otto paga pagare pagato pagò pare pari parte parti passa passi
        passo peggio pensare pensiamo per percento perché perciò persona persone però piccola
        piccolo più po poca pochi poco poi poiché porta possiamo possibile possono posto potrebbe
        precedente prendere prezzo prima primo problema pronto proprio prossimo prova punto pure può
        qua qual qualche qualcosa qualcuno quale quando quanta quante quanti quanto quarto quasi
        quattro quel quella quelle quelli quello questa queste questi questo qui quindi ragione
        regola resta restano resto ricordo riga rimane rimangono risolvere rispetto risposta
        risultato sa sai salvo sapere sappiamo sarebbe sarà sbagliato scrivere scriviamo se secondo
        segue seguente sei sembra semplice semplicemente sempre senza sera serve servono sette si
        sia siamo siccome sicuro siete significa so solo soltanto soluzione somma sommare sono sopra
        soprattutto sotto sottraiamo spesso sta stare stata stati stato stessa stessi stesso strada
        studenti su sua subito sugli sul sulla suo suoi supponiamo sì tale tanta tanti tanto tardi
        te tempo terza terzo testa tiene tipo torna totale tra tre tredici trenta trovare trovato
        troviamo tu tutti tutto un una uno usa usare usiamo utile va vai vale valgono valore vede
        vedere vediamo velocità vende vengono venti verifichiamo vero vi via viene vinse vita voi
        volta volte vorrebbe vuoi vuol vuole è
    """,
    "nl": """
        aan achter al alle allebei alleen alles als andere anderen anders antwoord antwoorden begin
        beginnen beide bekend ben best betaalde betaalt beter bij bijvoorbeeld binnen blijft blijven
        boven brengen buiten daar daarmee daarna daarom dacht dag dagen dan dat de deel delen delers
        denk denken derde deze dezelfde die ding dingen dit doen door draaien dubbel duidelijk duren
        dus duurt echt een eens eenvoudig eerst eerste eigen eindantwoord einde elk elkaar elke en
        enkele er ergens ervan euro even fout fouten functie gaan gaat gaf gebeurt gebruik gebruiken
        geeft geen gegeven geld geldt gelijk genoeg getal getallen gewoon gezocht ging god goed
        graag groot grootste groter haar had halen half hand handen hard hebben hebt heeft helaas
        hele helft helpen hem het hier hij hoe hoeveel huis hun idee iemand iets ik in inderdaad is
        ja jaar jaren je juist juiste kan kant keer keuze kijk kijken kind klaar kleine kleiner
        kleinste klopt kocht kom komen komt kost kosten krijg krijgen kun kunnen kwam laag laat
        laatste lagere lang langer laten later leggen lezen ligt lijkt lijst links lopen maal maar
        maken makkelijk man manier manieren me meer men mens mensen met mij mijn minder minst
        misschien moeilijk moet moeten moment morgen na naam naar naast nemen niemand niet niets
        nieuwe nodig nog nooit nou nu of om omdat onder ons onze ook op oplossing opnieuw over
        overeen overige per plaats precies prijs prima probeer problemen rechts rekenen rest
        resultaat ronde samen samenvatting school schrijven slechts snel som sommige staan staat
        stap start steeds stellen sterk stond stuk systeem te tegen ten ter terug tijd toch toen tot
        totaal tussen twee tweede uit uitkomst van veel ver verder vergelijken vergelijking verkeerd
        verkocht verschil verschillende verwachten vier vinden vindt volgende volgens voor voorbeeld
        voordat vorige vraag vraagt vragen waar waarde waarom wacht wanneer want waren was wat water
        we week weer weg weinig wel welke werd werden werken werkt weten wie wij willen word worden
        wordt ze zeer zeg zeggen zei zeker zelf zelfde zet zich zien ziet zij zijn zit zitten zo
        zoals zoek zoeken zonder zou zulke zullen
    """,
    "pl": """
        aby albo ale ani aż bardziej bardzo bez bierze bo bowiem by byli być był była było były bądź
        błąd całe całość cena cenę chcemy chodzi choć chyba ci ciągle co czas czasu cztery czy czyli
        czym czytamy części częściej część daje dalej dane daną dla dlaczego dlatego dni do dobry
        dobrze dodaj dodajemy dodać dokładnie domu dosyć dość druga drugi dużo dwa dwie dwóch
        dzielimy dziesięć dzień dzięki długość euro gdy gdyż gdzie go godzin godziny ich ile im inna
        inne innego inny innych iż ja jak jakie jako je jeden jedna jednak jednego jego jej jest
        jestem jeszcze jeśli jeżeli już każda każde każdego każdej każdy kiedy kilka kim koniec
        koszt kosztuje krok krótki która które który którzy kupił lat liczb liczba liczby liczbą
        liczbę licznik lub ma mają mamy mi między mniej mniejsza mniejszy mnożymy mogą mogę moja
        moment może możemy możliwe można mu musi musimy muszą my myślę na nad należy nam napisać nas
        natomiast nawet nic nie niech nigdy niż no nowa nowe nowy oba obie obliczamy obliczmy
        obliczyć obok od odejmujemy odpowiedź około on ona one oni oraz osiem ostatni osób
        otrzymujemy pamiętam pieniędzy pierwsza pierwsze pierwszy pięć po pod podstawie podzielić
        pokazuje pomnożyć ponieważ poniżej potem potrzeba potrzebne powinno poza połowa prawda
        prawie problem prosto przed przez przy przykład przykładowo pyta pytanie raz razem rok
        rozważmy rozwiązania rozwiązanie równa równanie również różnica sa sama same sie siedem się
        skoro sobie sprawdzić sprawdźmy strona strony stąd suma sześć szukamy szukana są ta tak
        także tam te tego tej ten teraz to trzeci trzy tu tutaj twierdzenie ty tych tyle tylko tym
        tysiąc tę wartości wartość we według wielu wiemy więc więcej większa większe większy wobec
        wolno wszystkie wszystko wtedy wyboru wychodzi wygląda wynik wynosi wyrażenie właśnie za
        zadania zadanie zamiast zapisać zatem zawsze zdanie ze znaczy zobaczmy zostaje zostanie
        zostało złotych łatwo środa źle że
    """,
    "pt": """
        acaba acabou acho acima agora ainda algo algum alguma algumas alguns alguém alto alunos além
        amanhã ambos amigos andar ano anos antes ao aos apenas apesar aquela aquele aqui ar as assim
        assunto através atrás até baixo bastante bem bilhete boa bom cabeça cada calculamos calcular
        caminho cara casa caso causa cedo cem cerca certo chega chegar claro coisa coisas com começa
        começamos como comprar comprou conclusão consegue consideremos conta continua correta
        correto curioso custa custam custo custou cálculo da dada dado dados damos dar das daí de
        dela dele demais dentro depois desde desse deste deu deve devem devemos deveria dia diante
        dias diferença difícil dinheiro direita disse disso dividimos dividir diz dizer do dobro
        dois dos duas durante duvida dúvida efeito ela ele eles em embaixo embora encontra
        encontramos encontrar enquanto entanto entre entretanto então equação era errada errado
        errei erro escola escrever esperar esquerda essa esse esta estamos estar estas
        estava este estes está estão etapa eu exatamente exemplo existe falta fato faz fazemos fazer
        feito fica ficam ficaram ficou fim final foi fora foram forma funciona função fácil ganhou
        gente geral grande grupo hoje homem hora horas há ia idade ideia igual importa inteiro isso
        isto jeito juntos já la lado lados lei lembro ler levar lhe linha lista logo longe lugar
        maior mais mal maneira mas me medida meio melhor menino menor menos mesma mesmo mesmos
        metade meu minha minhas modo momento muita muitas muito muitos multiplicamos multiplicar
        mundo máximo mão média método métodos mínimo na nada nas necessário necessários nem nenhum
        nenhuma nessa nessas nesse neste ninguém no noite nome nos nossa nosso nota nova novo nunca
        não nós número números obtemos obter obtém oito onde onze ordem original os ou outra outras
        outro outros paga pagar pagou para parece parte partes passa passo passos passou pedir pegar
        pela pelas pelo pelos pensar pequena pequeno perder pergunta perto pessoa pessoas pode podem
        podemos pois ponto por porque portanto porém possui possível pouco poucos precisa precisamos
        preciso preço primeira primeiro problema pronto prova própria próprio próximo quais qual
        quando quanta quantas quanto quantos quarto quase quatro que quem quer questão quinze razão
        recebe recebeu regra resolver resposta resta restam resto resultado sabe sabemos saber sai
        saiu se segue seguinte segunda segundo sei seis seja sem sempre ser seria será sete seu seus
        sido significa sim simples situação sob sobra sobre solução soma somar somente somos sua
        suas subtraímos sul supomos suponha são só tal talvez também tanto tarde te tem temos tempo
        tenha tenho ter terceira teremos terço teve time tinha tinham tipo tirar tive toda todas
        todo todos tomar total trabalho troco três tu tudo um uma uns usa usamos usar vai vale valor
        vamos veja vejamos velocidade vem vende vender vendeu ver verdade verificamos verificar vez
        vezes vinte você volta vou é
    """,
    "ro": """
        acea aceasta această acest acesta aceste acolo acum adevărat adică adunăm aflăm ai al ale
        alt am an ani apoi ar are asta astfel atunci au avea avem aș bine buna ca calculăm care casa
        ce cei cel cele celui chiar ci circa corect cu cum când cât câte că da dacă dar de deci
        decât deja despre din doar doi două dublu după dus ea ecuația ei el ele elevi era eroare
        este eu euro exact exemplu fel fi fie fiecare fiind final forma fost fără gata greu greșit
        găsim ia iar ieri important in jos jumătate la le lista lor lui mai mare mari meu mi mic
        mine minute mod moment mult ne nici nicio niciun noastră noi nostru nou nu numai numere
        număr numărul obținem or ora ore ori oră pare parte pas pasul pași pe pentru persoane place
        poate prima primul prin problema putem restul rezultat rezultatul rămân rămâne răspuns
        răspunsul sa sale sau scădem se si soluția soluție spre spune sua sub suma sunt suntem sus
        să ta tale te toate tot total toți trebuie trei treia tu un una unde unei unui ușor va
        valoarea vedere verificăm voi vom vor vrea zi zile îi îl împărțim în înainte încă înmulțim
        între întrebarea își și
    """,
    "ru": """
        а без более больше будем бы был была были было быть в важна важно вам вас весь во вопрос вот
        все всего всё второй вы вычтем где год готово да дальше два две действительно деле день для
        дней дня до должен другие других другой его ее если есть еще ещё её ж же за здесь значит и
        из или им имеем их й к каждой каждый как какое какой когда которая которое которые который
        кто лет ли людей между меньше меня мне может можно мы на надо найдем найдём нам нас не
        неверно него нет ни но ну нужно о оба обе один он она они оно остается осталось остаётся от
        ответ очень ошибка первый по половина получаем получим потом потому похоже поэтому правда
        правду правильно при пример про проверим пусть равен равна равно раз разделим решение
        решений с сам самом сейчас сколько сложим случае сначала снова со сумма так также такое
        такой там те тем теперь то тогда того тоже той только том тому тот третий три ты у уже
        умножим уравнение хорошо часа часов человек чем через чисел числа число числу что чтобы шаг
        это этого этой этот я
    """,
    "sv": """
        all alla allt alltså anders andra annan annars antal att av bara behöver beräkna berättar
        betalade blev blir bort bra bäst bättre båda både böcker dag dagar dagen de del dem den
        denna deras dess dessutom det detta dig din direkt dit du dubbelt där därför då efter
        eftersom egen ekvationen eller en enda endast enkelt enligt ens ett exempel exempelvis fast
        fel fick fin finns fjärde fler form fortfarande fram fråga frågan från full fungerar fyra få
        får för först första gav ge genom ger gjort god gärna gånger går gått gör göra ha hade han
        hand hans har hela hem henne hitta hittar hon hos hur hus hälften här höger högst igen in
        inga ingen ingenting innan inne inom inte istället ja jag jo just kallas kan kanske klar
        klarade klart kom komma kommer kontrollera kostar kronor kunna kvar ligger lika lista lite
        lägga lägger länge längre låt lösning lösningen mamma man med mellan men mer mest mig min
        mindre minska minst minus mot mycket mål många måste möjligt nej ni nog nu när nästa nästan
        någon något några och också ofta olika om ont ord ordning oss person problem problemen
        problemet procent på redan resultatet räcker räkna räknar rätt sa sagt sak saker samma
        samtidigt sant se sedan sen ser ses sida siffran siffror sig sin ska skillnaden skriv skriva
        skriver skulle snabbt snart som son steg stämmer stå står större störst summa summan svar
        svaret sätt så ta tag tal talen talet tar testa tid tidigare till tills tillsammans timmar
        totalt tre tredje två tänk tänka under ungefär upp uppgiften ut utan utanför va vad vanligt
        var vara varför varje vem verkar vi vid vidare viktigt vilken vilket vill visar vänster
        vänta vår äkta ändå äpplen är även år återstår åtta över
    """,
    "sw": """
        ambao ambayo au baada bado basi bila cha chini gani hadi hapa hapo hatua hesabu hii hili
        hivyo hiyo hizi huo huu idadi ikiwa ile ili ingawa jibu jumla kabla kama kati katika kiasi
        kila kisha kosa kubwa kuhusu kupata kutoka kuwa kwa kwamba kwanini kwanza la lakini lazima
        mara mbili mfano mimi mmoja moja mwaka mwisho na namba nambari ndogo ni nini nne nusu pamoja
        pia saa sana sasa sawa sehemu siku sisi subiri swali tafadhali tano tatu tu tuangalie
        tunahesabu tunapata vizuri wa wake wao watu wote ya yake yao yote za zaidi zote
    """,
    "tr": """
        acaba adet adım ait al alan aldı alt altı ama an ancak anda anlamına arada arasında arkadaş
        art artı artık asla aslında aynı az azından bakalım bana bazı başka başına başında belki ben
        beri beş bile bilinen bin bir birden biri birinci birkaç birlikte bitti biz boyunca bu
        bulalım bulmak bulunur buluruz buna bunlar bunu bunun burada burası bölü böyle bütün bütünü
        büyük büyüktür cevap da daha dakika de demek demektir deneyelim denklem derece değer değil
        dikkat diye diğer dokuz dolayı dolayısıyla dolu doğru doğrudan dur durum durumda dört
        düşünelim dışında edelim eder ederiz eklersek eksi elde ele en erken etmek ettim evet eğer
        eşit eşittir fakat fark farkı fazla fazladan final fiyatı geldi gelir gene gereken gerekir
        gerekiyor geri gibi gider göre görünüyor gün günde güzel hadi hangi hata hatta hem hemen
        hepsi her hesap hesapla hesaplayalım hiç hâlde hâlâ iken iki ikinci ile ilgili ilk ise
        istenen istiyor iyi iyice için içinde işlem işte kadar kadarı kalan kalanı kalır kalıyor
        karşı katı kaç kendi kere kesin kez ki kim kimse kitap kişi kolay kontrol koşul kullanarak
        kullanıcı kullanılır kural küçük kısa lira mal mesela mi mu mümkün mı nasıl ne neden nedenle
        nihayet olabilir olan olarak oldu oldukça olduğu olduğuna olduğundan olmak olmalı olmalıdır
        olmayan olsun olup olur on ona onlar onların onu onun oysa para parti parça paylaşır pek
        peki peş pratik saat sadece sahip sana sanırım sayı sayılar sayısı sayısını sekiz sen ses
        size son sonra sonucu sonuç soru soruda sorunun su söyle söz sıfır sıra ta tabii tam tamam
        tane tanesi taraf tarafı tekrar tersi toplam toplamı tüm uygun uzun var vardır varsa
        varsayalım ve ver verdi verilen verir veya ya yani yanlış yanıt yapalım yapar yapmak yaptım
        yarı yarısı yavaş yaş yaşında yedi yeni yeniden yer yerde yerine yeter yirmi yok yol yukarı
        yüksek yüz yüzde yıl zaman zaten zor çarp çarpımı çeşitli çok çözüm çözümü çünkü çıkar
        çıkarırsak çıktı öbür önce önceki önemli örnek örneğin öyle üst üzere üzerinde üç şey şimdi
        şu
    """,
    "uk": """
        а або адже але ані без був буде була було бути більше в вам вас весь вже ви вона вони воно
        вот все всього від відповідь він години готово да далі два де день для дня до добре дорівнює
        ж же з за знайдемо знову зі й його к кожен коли крок лише людей маємо мене менше ми може
        можна між на нам нас не немає неправильно ну ні ніж о обидва обидві один от отже отримаємо
        перевіримо питання по половина помилка потрібно потім правда правильно при приклад про раз
        разом рівняння рік с сам скільки сума схоже та так також там те тепер то тобто того тоді той
        тому треба три у уже усі хто це цей цього ці через чи числа число що щоб я як яка який якщо
        які і із інше інших їх її
    """,
    "vi": """
        ai an anh bao biết bom bà bài bây bên bước bạn bắt bằng bị ca cao cha chi chia cho chưa chạy
        chắc chẳng chỉ chọn chứ chứa chứng con cuối các cách cái câu còn có cô cùng cũng cả cần cộng
        của cứ danh do dài dùng dư dưới dễ dụ em giá giải giống giờ giữa gì góc gấp gần gồm hai hay
        hiệu hàm hãy hơi hơn hết hỏi khi khoảng khác khó không kia kim kiểm kiện kết kể long loại là
        lên lúc lượng lại lấy lần lập lớn minh muốn mà mình mất mấy mỗi một mới nam nghiệm nghĩ
        nghĩa ngoài ngày người nhau nhiều nhân như nhưng nhất nhận nhỏ những nào nên nó nói năm nước
        nếu nửa nữa phép phút phương phải phần qua quả ra rõ rút rất rằng rồi rộng sai sao sau so
        suy suốt sách sẵn sẽ số ta tam thay theo thành thì thương thấy thật thế thể thứ tiếp tiền
        toán tra trong trên trình trước trả trở trừ tuy tuổi ty tên tìm tích tính tôi tại tất tập
        tổng từ từng vai viết việc và vài vào vì ví vẫn vậy vế về với xem xong xuống xét xảy ích ông
        đang đem đi điều đáng đáp đây đã đó đôi đúng đường được đầu đến đều để định độ ước ấy
    """,
}
